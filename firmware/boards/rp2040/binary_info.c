/* What picotool shows of an image. */
#include "rp2xxx/binary_info.h"
