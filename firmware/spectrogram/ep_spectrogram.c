#include "ep_spectrogram.h"

#include <string.h>

#define BINS EP_SPECTROGRAM_BINS

static float re[BINS], im[BINS];

static uint32_t reversed(uint32_t index)
{
    uint32_t turned = 0;
    for (uint32_t bit = BINS; bit > 1U; bit >>= 1, index >>= 1) {
        turned = turned << 1 | (index & 1U);
    }
    return turned;
}

/* Radix-2 FFT, decimation in time, of values that lie in bit-reversed order. */
static void transform(void)
{
    for (uint32_t size = 2; size <= BINS; size *= 2U) {
        const uint32_t half = size / 2U, step = BINS / size;
        for (uint32_t k = 0; k < half; k++) {
            const float cosine = ep_spectrogram_cosine[k * step], sine = ep_spectrogram_sine[k * step];
            for (uint32_t high = k; high < BINS; high += size) {
                const uint32_t low = high + half;
                const float turned_re = re[low] * cosine + im[low] * sine;
                const float turned_im = im[low] * cosine - re[low] * sine;
                re[low] = re[high] - turned_re;
                im[low] = im[high] - turned_im;
                re[high] += turned_re;
                im[high] += turned_im;
            }
        }
    }
}

/* Natural logarithm of a positive, normal value. */
static float logarithm(float value)
{
    uint32_t bits;
    float fraction;
    (void)memcpy(&bits, &value, sizeof bits);
    float exponent = (float)((int32_t)(bits >> 23) - 127);
    bits = (bits & 0x7FFFFFU) | 0x3F800000U;
    (void)memcpy(&fraction, &bits, sizeof fraction);
    if (fraction > 1.41421356f) {
        fraction *= 0.5f;
        exponent += 1.0f;
    }
    const float ratio = (fraction - 1.0f) / (fraction + 1.0f), square = ratio * ratio;
    float series = square * (float)(1.0 / 9) + (float)(1.0 / 7);
    series = series * square + (float)(1.0 / 5);
    series = series * square + (float)(1.0 / 3);
    series = series * square + 1.0f;
    return exponent * 0.6931471805599453f + ratio * 2.0f * series;
}

void ep_spectrogram_column(const int16_t *samples, float *column)
{
    (void)memset(re, 0, sizeof re);
    (void)memset(im, 0, sizeof im);
    for (uint32_t i = 0; i < EP_SPECTROGRAM_WINDOW; i++) {
        re[reversed(i)] = (float)samples[i] / 32768.0f * ep_spectrogram_window[i];
    }
    transform();
    for (uint32_t k = 0; k <= BINS / 2U; k++) {
        const float squares = re[k] * re[k];
        re[k] = squares + im[k] * im[k];
    }
    const float *weight = ep_spectrogram_weights;
    for (uint32_t band = 0; band < EP_SPECTROGRAM_BANDS; band++) {
        const uint32_t first = ep_spectrogram_first[band], points = ep_spectrogram_points[band];
        float sum = 0.0f;
        for (uint32_t k = 0; k < points; k++) {
            sum += weight[k] * re[first + k];
        }
        weight += points;
        column[band] = logarithm(sum > 1e-6f ? sum : 1e-6f);
    }
}

void ep_spectrogram_put(const float *column, uint32_t frame, int8_t *input)
{
    for (uint32_t band = 0; band < EP_SPECTROGRAM_BANDS; band++) {
        const uint32_t channel = EP_SPECTROGRAM_CHANNELS > 1 ? band : 0U;
        const float real = column[band] * ep_spectrogram_scale[channel] + ep_spectrogram_offset[channel];
        float step = real / EP_SPECTROGRAM_INPUT_SCALE;
        step = step < -1024.0f ? -1024.0f : step > 1024.0f ? 1024.0f : step;
        /* to the nearest whole number, of two the even one */
        volatile float rounded = step + 12582912.0f;
        const int32_t q = (int32_t)(rounded - 12582912.0f) + EP_SPECTROGRAM_INPUT_ZERO_POINT;
        input[band * EP_SPECTROGRAM_BAND_STRIDE + frame * EP_SPECTROGRAM_FRAME_STRIDE] =
            (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
    }
}

void ep_spectrogram_input(const int16_t *samples, int8_t *input)
{
    float column[EP_SPECTROGRAM_BANDS];
    for (uint32_t frame = 0; frame < EP_SPECTROGRAM_FRAMES; frame++) {
        ep_spectrogram_column(samples + frame * EP_SPECTROGRAM_HOP, column);
        ep_spectrogram_put(column, frame, input);
    }
}
