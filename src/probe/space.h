/* SPDX-License-Identifier: MIT */
/* Inside src/probe: what a space consists of. */
#ifndef MT_PROBE_SPACE_H
#define MT_PROBE_SPACE_H

#include "probe/probe.h"

struct mt_space {
	int rules;   /* pc → struct mt_rule_value */
	int sources; /* pc → struct mt_source_value */
};

#endif
