#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write a text file as a C array, ended by a NUL: embed.py <text> <output.c> <array>."""
import sys

text, output, array = sys.argv[1:]
with open(text, "rb") as f:
    content = f.read() + b"\0"
with open(output, "w", encoding="ascii") as f:
    f.write(f'#include "control/schema/culvert_yang.h"\n\nconst char {array}[] = {{\n')
    for i in range(0, len(content), 16):
        f.write("    " + ", ".join(str(b) for b in content[i:i + 16]) + ",\n")
    f.write("};\n")
