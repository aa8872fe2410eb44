// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SCHEMA_CULVERT_YANG_H
#define CONTROL_SCHEMA_CULVERT_YANG_H

// The text of culvert.yang, ended by a NUL: part of the program, so that it and the code that reads
// configurations can't be of two versions.
extern const char culvert_yang[];

#endif
