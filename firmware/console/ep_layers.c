/* `ep layers N`: every layer on its own, then a whole inference, N times. */
#include <stddef.h>

#include "console.h"
#include "ep_model.h"

void con_ep_layers(char *rest)
{
    uint32_t runs;
    if (!con_number(con_word(&rest), &runs) || runs == 0) {
        con_line("e-[Command 'ep layers' requires a count >0]");
        return;
    }
    if (!con_has_input() || !con_clock_counts()) {
        return;
    }
    while (runs-- > 0) {
        con_load_inputs();
        for (uint32_t i = 0; i < ep_model_layer_count; i++) {
            uint64_t units = con_time(ep_model_layers[i]);
            con_put("m-ep-layer-");
            con_put_number(i);
            con_numbered("-", units);
        }
        con_load_inputs();
        con_numbered("m-ep-total-", con_time(ep_model_invoke));
    }
}
