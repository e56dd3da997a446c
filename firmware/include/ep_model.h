/*
 * What a generated model offers, and all that the console and a user's own firmware need of it.
 *
 * Generated `model.c` defines every symbol below. Nothing has to be initialized: fill the input,
 * call ep_model_invoke(), read the output.
 */
#ifndef EP_MODEL_H
#define EP_MODEL_H

#include <stdint.h>

/* Of constants that are copied to RAM at start, where the linker script places `.hot` so; anywhere else they stay in flash. */
#ifndef EP_IN_RAM
#define EP_IN_RAM __attribute__((section(".hot")))
#endif

/* What a stored element is; the default of an initializer that names none is EP_SIGNED. */
enum { EP_SIGNED = 0, EP_UNSIGNED = 1, EP_FLOAT = 2 };

/* One input or output tensor; real = (q - zero_point) * scale for int8. */
typedef struct {
    void *data;          /* inside the arena, the only thing model.c keeps in .bss */
    uint32_t size_bytes;
    int32_t zero_point;
    float scale;         /* 0 where the tensor is not quantized */
    uint8_t element_bytes;
    uint8_t format;      /* EP_SIGNED, EP_UNSIGNED or EP_FLOAT */
} ep_tensor_t;

/* One layer, identified by its index on the host; for per-layer timing. */
typedef void (*ep_layer_t)(void);

extern const char ep_model_id[];      /* "ic01", or the model's name; at most 31 characters */
extern const char ep_model_hash[];    /* first 16 hex digits of the SHA-256 of the .tflite */
extern const char ep_model_target[];  /* the target profile's name */
extern const uint32_t ep_model_arena_bytes;

extern const uint16_t ep_model_input_count;
extern const ep_tensor_t ep_model_inputs[];
extern const uint16_t ep_model_output_count;
extern const ep_tensor_t ep_model_outputs[];

extern const uint16_t ep_model_layer_count;
extern const ep_layer_t ep_model_layers[]; /* in execution order */

/* One inference: a straight line of the layers above. Inputs may be overwritten by it. */
void ep_model_invoke(void);

/*
 * Forgets what a model with state keeps from one inference to the next: the inference behind it is as the first one.
 * Nothing to do before the first, nor for models without state.
 */
void ep_model_reset(void);

#endif
