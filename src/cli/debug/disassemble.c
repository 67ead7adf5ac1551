/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/show.h"
#include "symbol/lines.h"

/* In the order of the letters that ask for them. */
enum with {
	WITH_BYTES = 1,  /* /r */
	WITH_SOURCE = 2, /* /s: in the order of addresses */
	WITH_LINES = 4,  /* /m: in the order of lines */
};

struct listing {
	struct mt_shell *shell;
	struct mt_image *image;
	unsigned with;
	uint64_t start, end, pc;
	bool whole; /* a function, to be named */
	MT_VEC(struct mt_line_range) ranges;
	/* The line that /s said last. */
	const char *file;
	unsigned line;
};

/* ---- Instructions ---------------------------------------------------------- */

static void say_offset(struct listing *listing, uint64_t addr)
{
	struct mt_symbol symbol;

	if (!mt_image_symbol_at(listing->image, addr, &symbol))
		return;
	if (listing->whole && symbol.addr == listing->start)
		mt_say(listing->shell, " <+%" PRIu64 ">", addr - symbol.addr);
	else
		mt_say(listing->shell, " <%s+%" PRIu64 ">", symbol.name, addr - symbol.addr);
}

static void say_insn(struct listing *listing, const struct mt_insn *insn)
{
	struct mt_shell *shell = listing->shell;
	bool here = insn->addr == listing->pc;

	mt_say(shell, "%s%s0x%0*" PRIx64 "%s", here ? "=> " : "   ",
	       mt_paint(shell, MT_PAINT_ADDRESS), mt_address_digits(shell), insn->addr,
	       mt_paint(shell, MT_PAINT_NONE));
	say_offset(listing, insn->addr);
	mt_say(shell, ":\t");
	for (size_t i = 0; listing->with & WITH_BYTES && i < insn->len; i++)
		mt_say(shell, "%s%02x", i ? " " : "", insn->bytes[i]);
	mt_say(shell, "%s%s%s%s", listing->with & WITH_BYTES ? "\t" : "",
	       here ? mt_paint(shell, MT_PAINT_HERE) : "", insn->text,
	       here ? mt_paint(shell, MT_PAINT_NONE) : "");
	if (insn->direct)
		mt_symbol_show(shell, insn->target, &shell->out);
	mt_say(shell, "\n");
}

/* What is no instruction is shown as a byte, and decoding goes on behind it. */
static struct mt_error *say_code(struct listing *listing, uint64_t start, uint64_t end)
{
	for (uint64_t addr = start; addr < end;) {
		struct mt_insn insn = { .addr = addr, .len = 1, .text = "(bad)" };
		struct mt_error *error = mt_insn_read(listing->shell, addr, &insn);

		if (error && mt_error_kind(error) != MT_ERR_FORMAT)
			return error;
		if (error)
			MT_TRY(mt_shell_read_memory(listing->shell, addr, insn.bytes, 1));
		mt_error_free(error);
		say_insn(listing, &insn);
		addr += insn.len;
		if (listing->shell->out.len > 1 << 16)
			mt_shell_flush(listing->shell);
	}
	return NULL;
}

/* ---- With source ----------------------------------------------------------- */

static bool add_range(const struct mt_line_range *range, void *arg)
{
	struct listing *listing = arg;

	return mt_vec_push(&listing->ranges, *range);
}

/* Up to the range's line, from `first` on. */
static void say_source(struct listing *listing, const struct mt_line_range *range, unsigned first)
{
	struct mt_source_lines lines = { .path = range->line.file,
		                         .pc = range->start,
		                         .first = first,
		                         .last = range->line.line };
	struct mt_error *error = mt_source_show(listing->shell, &lines, NULL);

	if (error)
		mt_say(listing->shell, "%u\tin %s\n", range->line.line, range->line.file);
	mt_error_free(error);
}

/* /s: each line where it changes; going forward, with the lines between that have no code. */
static void say_line_of(struct listing *listing, const struct mt_line_range *range)
{
	unsigned first = range->line.line;
	bool other = !listing->file || strcmp(listing->file, range->line.file) != 0;

	if (other)
		mt_say(listing->shell, "%s:\n", range->line.file);
	if (!other && listing->line == range->line.line)
		return;
	if (!other && listing->line < first)
		first = listing->line + 1;
	say_source(listing, range, first);
	listing->file = range->line.file;
	listing->line = range->line.line;
}

static struct mt_error *say_by_address(struct listing *listing)
{
	for (size_t i = 0; i < listing->ranges.len; i++) {
		const struct mt_line_range *range = &listing->ranges.data[i];
		uint64_t start = range->start > listing->start ? range->start : listing->start;
		uint64_t end = range->end < listing->end ? range->end : listing->end;

		if (range->line.file && range->line.line)
			say_line_of(listing, range);
		MT_TRY(say_code(listing, start, end));
		mt_say(listing->shell, i + 1 < listing->ranges.len ? "\n" : "");
	}
	return NULL;
}

/* /m: the lines of one file in their order, each with all of its code. */
static struct mt_error *say_by_line(struct listing *listing)
{
	unsigned line = 0;

	for (;;) {
		const struct mt_line_range *next = NULL;

		for (size_t i = 0; i < listing->ranges.len; i++) {
			const struct mt_line_range *range = &listing->ranges.data[i];

			if (range->line.file && range->line.line > line &&
			    (!next || range->line.line < next->line.line))
				next = range;
		}
		if (!next)
			return NULL;
		line = next->line.line;
		say_source(listing, next, line);
		for (size_t i = 0; i < listing->ranges.len; i++)
			if (listing->ranges.data[i].line.line == line)
				MT_TRY(say_code(listing, listing->ranges.data[i].start,
				                listing->ranges.data[i].end));
		mt_say(listing->shell, "\n");
	}
}

static struct mt_error *say_listing(struct listing *listing)
{
	if (!(listing->with & (WITH_SOURCE | WITH_LINES)))
		return say_code(listing, listing->start, listing->end);
	mt_line_ranges_each(listing->image, listing->start, listing->end, add_range, listing);
	if (!listing->ranges.len)
		return say_code(listing, listing->start, listing->end);
	return listing->with & WITH_LINES ? say_by_line(listing) : say_by_address(listing);
}

/* ---- Which code ------------------------------------------------------------ */

static struct mt_error *find_function(struct listing *listing, uint64_t addr)
{
	if (!mt_image_function_bounds(listing->image, addr, &listing->start, &listing->end))
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "no function is known around 0x%" PRIx64 "; 'disassemble "
		                    "ADDRESS,+LENGTH' or 'x/10i ADDRESS' shows what is there",
		                    addr);
	listing->whole = true;
	return NULL;
}

static struct mt_error *find_range(struct listing *listing, const char *args)
{
	const char *comma = mt_text_outside(args, ',');
	char *first MT_AUTO_FREE =
	    comma ? mt_strndup(args, (size_t)(comma - args)) : mt_strdup(args);
	const char *last = comma ? mt_text_skip(comma + 1) : NULL;

	if (!first)
		return mt_error_nomem();
	MT_TRY(mt_eval_address(listing->shell, first, &listing->start));
	if (!last)
		return find_function(listing, listing->start);
	if (*last == '+') {
		int64_t len;

		MT_TRY(mt_eval_integer(listing->shell, last + 1, &len));
		listing->end = listing->start + (uint64_t)len;
	} else {
		MT_TRY(mt_eval_address(listing->shell, last, &listing->end));
	}
	if (listing->end < listing->start)
		return mt_error_new(MT_ERR_USAGE, "the range ends before it begins");
	return NULL;
}

static struct mt_error *disassemble_here(struct listing *listing, const char *args)
{
	struct mt_shell *shell = listing->shell;
	struct mt_frame frame;
	struct mt_error *error = mt_shell_frame(shell, &frame);

	if (!error)
		listing->pc = frame.pc;
	if (!*args) {
		MT_TRY(mt_error_context(error, "disassemble takes a function or an address"));
		MT_TRY(find_function(listing, frame.pc));
	} else {
		mt_error_free(error);
		MT_TRY(find_range(listing, args));
	}
	if (listing->whole) {
		struct mt_symbol symbol;
		bool named = mt_image_symbol_at(listing->image, listing->start, &symbol);

		mt_say(shell, "Dump of assembler code for function %s:\n",
		       named ? symbol.name : "(no name is known)");
	} else {
		mt_say(shell, "Dump of assembler code from 0x%" PRIx64 " to 0x%" PRIx64 ":\n",
		       listing->start, listing->end);
	}
	MT_TRY(say_listing(listing));
	mt_say(shell, "End of assembler dump.\n");
	return NULL;
}

static struct mt_error *disassemble(struct mt_shell *shell, const char *args)
{
	struct listing listing = { .shell = shell };
	struct mt_error *error;

	MT_TRY(mt_modifiers_parse(&args, "disassemble", "rsm", &listing.with));
	MT_TRY(mt_shell_image(shell, &listing.image));
	error = disassemble_here(&listing, args);
	mt_vec_deinit(&listing.ranges);
	return error;
}

static const struct mt_verb verbs[] = {
	{ .name = "disassemble",
	  .aliases = "disas",
	  .run = disassemble,
	  .usage = "[/r] [/s|/m] [FUNCTION | ADDRESS | START,END | START,+LENGTH]",
	  .summary = "the instructions of a function, or of a range",
	  .help =
	      "/r with their bytes; /s with the source, in the order of addresses; /m with the\n"
	      "source, in the order of lines. 'set disassembly-flavor intel' for Intel's syntax.",
	  .topic = MT_TOPIC_SOURCE,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_disassemble, verbs);
