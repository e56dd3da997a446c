/* A stored element as the number it stands for. */
#include <string.h>

#include "console.h"
#include "ep_model.h"

float con_real(const ep_tensor_t *tensor, const uint8_t *data, uint32_t index)
{
    if (tensor->format == EP_FLOAT) {
        float value;
        memcpy(&value, data + 4 * index, 4);
        return value;
    }
    return (float)((int8_t)data[index] - tensor->zero_point) * tensor->scale;
}
