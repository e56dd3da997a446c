/*
 * One element of a tensor as printf("%0.3f", (float)(q - zero_point) * scale) would print it, worked out in integers:
 * exact, rounded half to even, and small on cores without floating point. Beyond 2^63 it prints "inf".
 */
#ifndef DECIMAL_H
#define DECIMAL_H

#include "ep_model.h"

void con_put_element(const ep_tensor_t *tensor, uint32_t index);

#endif
