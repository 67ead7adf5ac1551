/* SPDX-License-Identifier: MIT */
/* C++ objects: their vtables. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"
#include "cli/debug/text.h"
#include "expr/dynamic.h"
#include "symbol/rtti.h"
#include "symbol/type_class.h"

/* ---- How long a table is --------------------------------------------------- */

/* More than any class has; damaged DWARF may derive one from itself, and tell of any index. */
enum { MAX_BASES = 200, MAX_ENTRIES = 4096 };

/* A destructor has two entries, of which DWARF tells the first (Itanium C++ ABI, 2.5.2). */
static uint64_t entries_of(const struct mt_type *type, unsigned *bases_left)
{
	const struct mt_class *class = mt_type_class(type);
	uint64_t most = 0, end;

	for (size_t i = 0; class && i < class->method_count; i++) {
		const struct mt_method *method = &class->methods[i];

		/* GCC tells no index of a destructor. */
		end = method->has_vtable_index ? method->vtable_index : 0;
		end += method->is_destructor ? 2 : 1;
		if (method->is_virtual && end > most)
			most = end;
	}
	/* A base at the same place shares the table. */
	for (size_t i = 0; class && i < class->base_count && *bases_left; i++) {
		--*bases_left;
		end = class->bases[i].is_virtual || class->bases[i].offset
		          ? 0
		          : entries_of(class->bases[i].type, bases_left);
		most = end > most ? end : most;
	}
	return most < MAX_ENTRIES ? most : MAX_ENTRIES;
}

/* ---- One table -------------------------------------------------------------- */

static struct mt_error *say_table(struct mt_shell *shell, const struct mt_world *world,
                                  const struct mt_value *object)
{
	size_t word = mt_machine_word(world->machine);
	unsigned bases_left = MAX_BASES;
	uint64_t count = entries_of(object->type, &bases_left), table = 0, entry;
	struct mt_buf name MT_AUTO_BUF = { 0 };

	MT_TRY(world->read(world->arg, object->addr, &table, word));
	mt_type_format(object->type, &name);
	mt_say(shell, "vtable for '%s' @ 0x%" PRIx64 " (subobject @ 0x%" PRIx64 "):\n",
	       mt_buf_ok(&name) && name.data ? name.data : "?", table, object->addr);
	for (uint64_t i = 0; i < count; i++) {
		entry = 0;
		MT_TRY(world->read(world->arg, table + i * word, &entry, word));
		mt_say(shell, "[%" PRIu64 "]: 0x%" PRIx64, i, entry);
		mt_symbol_show(shell, entry, &shell->out);
		mt_say(shell, "\n");
	}
	return NULL;
}

/* The tables of the bases that lie elsewhere in the object: `above` shares its own with its first.
 */
static struct mt_error *say_bases(struct mt_shell *shell, const struct mt_world *world,
                                  const struct mt_value *object, unsigned *bases_left)
{
	const struct mt_class *class = mt_type_class(object->type);

	for (size_t i = 0; class && i < class->base_count && *bases_left; i++) {
		const struct mt_base *base = &class->bases[i];
		struct mt_value part;

		--*bases_left;
		if (!mt_type_is_dynamic(base->type))
			continue;
		MT_TRY(mt_value_base(world, object, base->type, &part));
		if (part.addr != object->addr) {
			mt_say(shell, "\n");
			MT_TRY(say_table(shell, world, &part));
		}
		MT_TRY(say_bases(shell, world, &part, bases_left));
	}
	return NULL;
}

static struct mt_error *info_vtbl(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	struct mt_value value, object;
	unsigned bases_left = MAX_BASES;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "info vtbl takes an object, or a pointer to one");
	MT_TRY(mt_eval(shell, args, &arena, &value));
	mt_shell_world(shell, &made);
	object = value;
	if (value.type->kind == MT_TYPE_POINTER && value.type->target &&
	    value.type->target->kind == MT_TYPE_STRUCT)
		MT_TRY(mt_value_deref(&made.world, &arena, &value, &object));
	if (object.home != MT_HOME_MEMORY || !mt_type_is_dynamic(object.type)) {
		mt_say(shell, "This object does not have a virtual function table\n");
		return NULL;
	}
	MT_TRY(say_table(shell, &made.world, &object));
	return say_bases(shell, &made.world, &object, &bases_left);
}

static const struct mt_verb verbs[] = {
	{ .name = "info vtbl",
	  .run = info_vtbl,
	  .usage = "OBJECT",
	  .summary = "the virtual functions that an object of C++ leads to",
	  .help =
	      "OBJECT is an expression: an object, a reference or a pointer to one. Each part of "
	      "it\nthat has a vtable of its own is told, by its address and class.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .needs = MT_NEEDS_STATE },
};

MT_VERB_LIST(mt_verbs_objects, verbs);
