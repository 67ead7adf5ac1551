/* SPDX-License-Identifier: MIT */
#include "cli/debug/pattern.h"

#include <stddef.h>

struct mt_error *mt_pattern_compile(struct mt_pattern *pattern, const char *text, int flags)
{
	int status = regcomp(&pattern->regex, text, REG_EXTENDED | REG_NOSUB | flags);
	char why[128];

	pattern->compiled = !status;
	if (!status)
		return NULL;
	regerror(status, &pattern->regex, why, sizeof(why));
	return mt_error_new(MT_ERR_USAGE, "'%.60s' is no regular expression: %s", text, why);
}

bool mt_pattern_matches(const struct mt_pattern *pattern, const char *text)
{
	return regexec(&pattern->regex, text, 0, NULL, 0) == 0;
}

void mt_pattern_deinit(struct mt_pattern *pattern)
{
	if (pattern->compiled)
		regfree(&pattern->regex);
}
