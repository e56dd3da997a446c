/* `infer N W` and the dequantized outputs. */
#include <stddef.h>

#include "console.h"
#include "ep_model.h"
#include CON_SCORE

static uint64_t run(void)
{
    con_load_inputs();
    return con_time(ep_model_invoke);
}

void con_infer(char *rest)
{
    uint32_t iterations = 1;
    uint32_t warmups = 10;
    const char *word = con_word(&rest);
    if (word != NULL && (!con_number(word, &iterations) || iterations == 0)) {
        con_line("e-[Inference iterations must be >0]");
        return;
    }
    word = word != NULL ? con_word(&rest) : NULL;
    if (word != NULL && !con_number(word, &warmups)) {
        con_line("e-[Inference warmup must be >=0]");
        return;
    }
    if (!con_has_input() || !con_clock_counts()) {
        return;
    }
    con_numbered("m-warmup-start-", warmups);
    while (warmups-- > 0) {
        (void)run();
    }
    con_line("m-warmup-done");
    con_numbered("m-infer-start-", iterations);
    /* The window holds inference alone: loading inputs between iterations is left out of the second lap. */
    uint64_t lap = con_now();
    con_numbered("m-lap-us-", con_microseconds(lap));
    while (iterations-- > 0) {
        lap += run();
    }
    con_numbered("m-lap-us-", con_microseconds(lap));
    con_line("m-infer-done");
    con_results(rest);
}

void con_results(char *rest)
{
    (void)rest;
    if (!con_has_results()) {
        return;
    }
    score_put();
    con_line("]");
}
