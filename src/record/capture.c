/* SPDX-License-Identifier: MIT */
#include "record/capture.h"

#include <inttypes.h>
#include <string.h>

#include "print/print.h"

/* Whether [addr, addr+len) lies in the `size` bytes at `from`; then `out` gets them. */
static bool copy_within(uint64_t addr, void *out, size_t len, uint64_t from, const void *bytes,
                        size_t size)
{
	uint64_t at = addr - from;

	if (at > size || len > size - at)
		return false;
	memcpy(out, (const uint8_t *)bytes + at, len);
	return true;
}

/* Text is asked for in steps that may reach past its NUL. */
static bool copy_text(uint64_t addr, void *out, size_t len, uint64_t from,
                      const struct mt_captured_text *text)
{
	uint64_t at = addr - from;
	size_t left;

	if (text->len <= 0 || at >= (uint64_t)text->len)
		return false;
	left = (size_t)text->len - at;
	memset(out, 0, len);
	memcpy(out, text->bytes + at, len < left ? len : left);
	return true;
}

/* Memory is what was captured: the value itself, and the texts that it points to. */
static struct mt_error *read_captured(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_hit_capture *from = arg;
	const struct mt_capture *capture = from->capture;
	const uint8_t *value = mt_capture_bytes(from);
	const struct mt_captured_text *texts =
	    (const struct mt_captured_text *)(value + mt_capture_value_room(capture));

	if (!capture->is_number &&
	    copy_within(addr, out, len, from->captured->addr, value, capture->size))
		return NULL;
	for (size_t i = 0; i < capture->text_count; i++) {
		uint64_t pointer = 0;

		memcpy(&pointer, value + capture->texts[i], capture->word);
		if (copy_text(addr, out, len, pointer, &texts[i]))
			return NULL;
	}
	return mt_error_new(MT_ERR_UNREADABLE, "not read at the hit");
}

static struct mt_print_options make_options(void)
{
	struct mt_print_options options = mt_print_defaults();

	options.null_stop = true;
	options.static_members = false;
	options.captured = true;
	options.elements = MT_CAPTURE_TEXT_LEN;
	return options;
}

void mt_capture_text(struct mt_buf *out, struct mt_image *image, const struct mt_hit_capture *from)
{
	const struct mt_print_options options = make_options();
	const struct mt_world world = { .image = image,
		                        .machine = mt_image_machine(image),
		                        .arg = (void *)(uintptr_t)from,
		                        .read = read_captured };
	const struct mt_value value = {
		.type = from->capture->type,
		.home = from->capture->is_number ? MT_HOME_NOWHERE : MT_HOME_MEMORY,
		.addr = from->captured->addr,
		.bytes = mt_capture_bytes(from),
	};

	if (from->captured->state == MT_CAPTURE_READ)
		mt_error_free(mt_print_top(&world, &value, &options, out));
	else
		mt_buf_printf(out, "<not readable at the hit: 0x%" PRIx64 ">",
		              from->captured->addr);
}
