/* SPDX-License-Identifier: MIT */
/* What `memtrap doctor` found, as one JSON object on one line. Names and meaning are kept stable.
 */
#ifndef MT_RECORD_JSON_DOCTOR_H
#define MT_RECORD_JSON_DOCTOR_H

#include "base/buf.h"

/* Texts are UTF-8. */
struct mt_json_trial {
	const char *name;
	const char *result; /* "ok", "part" or "no" */
	const char *detail;
	const char *remedy; /* NULL: there is none, or none is needed */
};

/* `watch`: how much of `memtrap watch` works: "full", "part", "ptrace" (its engine alone) or
 * "none". */
void mt_json_doctor(struct mt_buf *out, const struct mt_json_trial *trials, size_t count,
                    const char *watch);

#endif
