/* SPDX-License-Identifier: MIT */
/* Regular expressions that a person typed: what info functions, apropos and rbreak look for. */
#ifndef MT_CLI_DEBUG_PATTERN_H
#define MT_CLI_DEBUG_PATTERN_H

#include <regex.h>
#include <stdbool.h>

#include "base/error.h"

/* Begins as { 0 }. */
struct mt_pattern {
	regex_t regex;
	bool compiled;
};

/* An extended one (regex(7)); "" matches all. `flags` are regcomp(3)'s. USAGE. */
struct mt_error *mt_pattern_compile(struct mt_pattern *pattern, const char *text, int flags);

bool mt_pattern_matches(const struct mt_pattern *pattern, const char *text);
void mt_pattern_deinit(struct mt_pattern *pattern);

/* struct mt_pattern pattern MT_AUTO_PATTERN = { 0 }; */
#define MT_AUTO_PATTERN __attribute__((cleanup(mt_pattern_deinit)))

#endif
