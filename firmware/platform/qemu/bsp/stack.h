/* stack.h: how deep the stack of a bare program has been. Its far end is painted at the start; where the paint is gone,
 * the stack has been. */
#ifndef QEMU_STACK_H
#define QEMU_STACK_H

#include <stdint.h>

/* To be called from main or just below it. */
void stack_paint(void);

/* Bytes from the top to the deepest word overwritten; UINT32_MAX when that may be more than are painted (8 KB). */
uint32_t stack_deepest(void);

#endif
