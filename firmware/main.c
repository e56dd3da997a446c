/* The firmware: a board, a generated model, the console between them. startup.c has started the board. */
#include "console.h"

int main(void)
{
    con_run();
}
