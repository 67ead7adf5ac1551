/* SPDX-License-Identifier: MIT */
#include "record/json_doctor.h"

#include <jansson.h>

#include "base/cleanup.h"

void mt_json_doctor(struct mt_buf *out, const struct mt_json_trial *trials, size_t count,
                    const char *watch)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
		                      json_pack("{ss ss ss ss?}", "name", trials[i].name, "result",
		                                trials[i].result, "detail", trials[i].detail,
		                                "remedy", trials[i].remedy));

	json_t *whole = json_pack("{ss so ss}", "type", "doctor", "trials", list, "watch", watch);
	char *line MT_AUTO_FREE = json_dumps(whole, JSON_COMPACT);

	json_decref(whole);
	if (line)
		mt_buf_printf(out, "%s\n", line);
	else
		out->failed = true;
}
