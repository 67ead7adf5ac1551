/* SPDX-License-Identifier: MIT */
/* What is armed, and how, as `memtrap watch` says it. */
#ifndef MT_CLI_WATCH_ARMED_H
#define MT_CLI_WATCH_ARMED_H

#include "base/buf.h"
#include "watch/session.h"

void mt_watch_armed_text(struct mt_buf *out, const struct mt_armed_info *info);
void mt_watch_armed_json(struct mt_buf *out, const struct mt_armed_info *info);

#endif
