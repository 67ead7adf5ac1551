/* SPDX-License-Identifier: MIT */
/* Records that are made here, of a thread that stands, not by the kernel. */
#include "probe/record.h"

#include "base/alloc.h"
#include "target/process.h"

struct mt_record *mt_record_new(void)
{
	return mt_alloc(sizeof(struct mt_record) + MT_RECORD_CAPTURE_MAX + MT_RECORD_STACK_MAX);
}

void mt_record_copy_stack(struct mt_record *record)
{
	uint8_t *to = (uint8_t *)(record + 1) + record->capture_len;

	record->flags |= MT_RECORD_STACK_COPY;
	record->stack_len = (uint32_t)mt_process_read_some(
	    (pid_t)record->pid, record->regs.r[MT_REG_RSP], to, MT_RECORD_STACK_MAX);
}
