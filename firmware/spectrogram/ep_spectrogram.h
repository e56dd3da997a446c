/*
 * Log-mel spectrogram of a microphone's samples: the values EdgePrune computed from recordings, bit for bit.
 *
 *   column[b] = ln(max(1e-6, sum_k weight[b][k] * |FFT(window * samples / 32768)[k]|^2))
 *
 *   samples  int16    [EP_SPECTROGRAM_WINDOW], one channel at EP_SPECTROGRAM_RATE_HZ
 *   column   float32  [EP_SPECTROGRAM_BANDS]
 *   input    int8     the network's input, EP_SPECTROGRAM_FRAMES columns, real = (q - zero_point) * scale
 *
 * Memory:  two static arrays of EP_SPECTROGRAM_BINS floats, so it is not reentrant. Needs no C library but memset and memcpy.
 * Proof:   tests/firmware/numbers/test_spectrogram.py, the same bits as NumPy's, where the compiler contracts no multiplication and
 *          addition into one: -ffp-contract=off.
 */
#ifndef EP_SPECTROGRAM_H
#define EP_SPECTROGRAM_H

#include <stdint.h>

#include "ep_spectrogram_tables.h"

/* One frame: EP_SPECTROGRAM_WINDOW samples become one column. The next frame begins EP_SPECTROGRAM_HOP samples later. */
void ep_spectrogram_column(const int16_t *samples, float *column);

/* A column into the network's input as frame 0 .. EP_SPECTROGRAM_FRAMES - 1, normalized and quantized. */
void ep_spectrogram_put(const float *column, uint32_t frame, int8_t *input);

/* All frames of EP_SPECTROGRAM_SAMPLES samples. */
void ep_spectrogram_input(const int16_t *samples, int8_t *input);

#endif
