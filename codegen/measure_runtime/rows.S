    .section .rodata
    .balign 4
    .globl rows, rows_end
rows:
    .incbin "rows.bin"
rows_end:
