/* SPDX-License-Identifier: MIT */
/* The session as expressions see it: what struct mt_world asks for, answered. */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/call.h"
#include "engine/engine_private.h"
#include "engine/world.h"

/* ---- Memory -------------------------------------------------------------- */

struct mt_error *mt_debug_peek(struct mt_debug *debug, uint64_t addr, void *out, size_t len)
{
	struct mt_image *image = mt_debug_image(debug);

	if (debug->proc || !image)
		return mt_debug_read(debug, addr, out, len);
	if (mt_image_read_initial(image, addr, out, len) == len)
		return NULL;
	return mt_error_new(MT_ERR_UNREADABLE,
	                    "the program is not running, and its file has nothing to read at "
	                    "0x%llx; 'run' or 'start' starts it",
	                    (unsigned long long)addr);
}

static struct mt_error *read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_debug_world *made = arg;

	mt_reads_note(made->debug, addr, len);
	if (made->world.moment && mt_moment_read(made->debug, addr, out, len))
		return NULL;
	return mt_debug_peek(made->debug, addr, out, len);
}

/* A change may have changed the frame, and made what was known of it invalid. */
static void look_again(struct mt_debug_world *made)
{
	struct mt_debug *debug = made->debug;
	struct mt_error *error;

	made->world.frame = NULL;
	made->world.moment = mt_moment_now(debug);
	if (!debug->thread)
		return;
	error = mt_debug_where_frame(debug, debug->frame, &made->frame, &made->world.scope);
	if (!error)
		made->world.frame = &made->frame;
	mt_error_free(error);
}

static struct mt_error *write_memory(void *arg, uint64_t addr, const void *bytes, size_t len)
{
	struct mt_debug_world *made = arg;
	struct mt_error *error = mt_debug_write(made->debug, addr, bytes, len);

	look_again(made);
	return error;
}

/* ---- Registers ----------------------------------------------------------- */

static struct mt_error *read_register(void *arg, const char *name, void *out, size_t size)
{
	const struct mt_debug_world *made = arg;

	mt_reads_note_register(made->debug, name);
	if (!made->debug->proc)
		return mt_error_new(MT_ERR_USAGE,
		                    "$%s has no value: the program is not running; 'run' or "
		                    "'start' starts it",
		                    name);
	return mt_debug_reg_read(made->debug, name, out, size);
}

static struct mt_error *write_register(void *arg, const char *name, const void *value, size_t size)
{
	struct mt_debug_world *made = arg;
	struct mt_error *error = mt_debug_reg_write(made->debug, name, value, size);

	look_again(made);
	return error;
}

/* A variable that lives in a register: the rest of the register stays as it is. */
static struct mt_error *write_in_frame(void *arg, unsigned dwarf_register, uint64_t bit_offset,
                                       const void *bytes, size_t size)
{
	struct mt_debug *debug = ((struct mt_debug_world *)arg)->debug;
	uint8_t whole[MT_REGISTER_MAX_SIZE];
	const struct mt_register *reg;
	char name[16];

	if (!mt_world_register_name(mt_image_machine(mt_debug_image(debug)), dwarf_register,
	                            bit_offset / 8 + size, name))
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %u cannot be written",
		                    dwarf_register);
	reg = mt_register_find(name);
	if (!reg || bit_offset / 8 > reg->size || size > reg->size - bit_offset / 8)
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %s is too small for this", name);
	MT_TRY(mt_debug_reg_read(debug, name, whole, reg->size));
	memcpy(whole + bit_offset / 8, bytes, size);
	return write_register(arg, name, whole, reg->size);
}

/* ---- $names -------------------------------------------------------------- */

void mt_debug_set_names(struct mt_debug *debug, const struct mt_debug_names *names)
{
	debug->names = *names;
}

static bool find_name(void *arg, const char *name, struct mt_value *value)
{
	struct mt_debug *debug = ((struct mt_debug_world *)arg)->debug;
	const struct mt_debug_names *names = &debug->names;

	mt_reads_note_beyond(debug);
	return names->find && names->find(names->arg, name, value);
}

static struct mt_error *set_name(void *arg, const char *name, const struct mt_value *value)
{
	const struct mt_debug_names *names = &((struct mt_debug_world *)arg)->debug->names;

	if (!names->set)
		return mt_error_new(MT_ERR_UNSUPPORTED, "$%s cannot be set here", name);
	return names->set(names->arg, name, value);
}

/* ---- Calls --------------------------------------------------------------- */

static struct mt_error *run_call(struct mt_debug_world *made, const struct mt_call *call,
                                 uint8_t *result)
{
	struct mt_error *error;
	enum mt_call_end end;
	struct mt_stop stop;

	mt_reads_note_beyond(made->debug);
	error = mt_debug_call(made->debug, call, result, &end, &stop);
	look_again(made);
	MT_TRY(error);
	if (end == MT_CALL_RETURNED)
		return NULL;
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    "the program has stopped in the function that was called, so what it "
	                    "returns is not known; 'bt' shows where, 'finish' ends it");
}

/* The program keeps what it is given, so the memory is its own allocator's, as in gdb. */
static struct mt_error *allocate(struct mt_debug_world *made, size_t size, uint64_t *addr)
{
	const struct mt_type *size_type = mt_type_base("unsigned long");
	const struct mt_type type = { .kind = MT_TYPE_FUNCTION, .target = size_type };
	uint64_t wanted = size, got = 0;
	const struct mt_abi_value arg = { .type = size_type, .bytes = (uint8_t *)&wanted };
	struct mt_call call = { .name = "malloc", .type = &type, .args = &arg, .arg_count = 1 };
	struct mt_location *locations;
	size_t count;

	MT_TRY(mt_error_context(mt_image_locate(made->world.image, "malloc", &locations, &count),
	                        "the text is to be in the program's memory"));
	call.function = locations[0].entry;
	mt_locations_free(locations, count);
	MT_TRY(run_call(made, &call, (uint8_t *)&got));
	if (!got)
		return mt_error_new(MT_ERR_UNSUPPORTED, "the program has no memory for the text");
	*addr = got;
	return NULL;
}

static struct mt_error *call_function(void *arg, struct mt_arena *arena, uint64_t addr,
                                      const struct mt_type *type, const struct mt_value *args,
                                      size_t count, struct mt_value *result)
{
	const struct mt_type *returned = type->target ? type->target : mt_type_base("int");
	struct mt_abi_value *passed = mt_arena_alloc(arena, count * sizeof(*passed));
	uint8_t *bytes = mt_arena_alloc(arena, (size_t)returned->size);
	struct mt_call call = {
		.function = addr, .type = type, .args = passed, .arg_count = count
	};

	if (!passed || !bytes)
		return mt_error_nomem();
	for (size_t i = 0; i < count; i++)
		passed[i] = (struct mt_abi_value){ .type = args[i].type, .bytes = args[i].bytes };
	/* An object may lead to itself: it stays where the function has made it. */
	if (mt_abi_is_object(returned))
		MT_TRY(allocate(arg, (size_t)returned->size, &call.result_at));
	MT_TRY(run_call(arg, &call, bytes));
	*result = (struct mt_value){ .type = returned, .bytes = bytes };
	if (call.result_at) {
		result->home = MT_HOME_MEMORY;
		result->addr = call.result_at;
	}
	return NULL;
}

static struct mt_error *place_bytes(void *arg, const void *bytes, size_t size, uint64_t *addr)
{
	uint64_t place;

	MT_TRY(allocate(arg, size, &place));
	MT_TRY(write_memory(arg, place, bytes, size));
	*addr = place;
	return NULL;
}

/* ---- The world ----------------------------------------------------------- */

void mt_debug_world(struct mt_debug *debug, struct mt_debug_world *made)
{
	struct mt_image *image = mt_debug_image(debug);

	*made = (struct mt_debug_world){
		.debug = debug,
		.world = { .image = image,
		           .machine = image ? mt_image_machine(image) : MT_MACHINE_X86_64,
		           .arg = made,
		           .read = read_memory,
		           .write = write_memory,
		           .reg_read = read_register,
		           .reg_write = write_register,
		           .frame_write = write_in_frame,
		           .own_find = find_name,
		           .own_set = set_name,
		           .call = call_function,
		           .place = place_bytes,
		           .kept = debug->kept },
	};
	look_again(made);
}

/* What names came to elsewhere at this moment, they do not here. */
void mt_debug_world_keep_scope(struct mt_debug_world *made, const struct mt_scope_place *scope)
{
	made->world.scope = *scope;
	made->world.moment = 0;
}

/* ---- Conditions ---------------------------------------------------------- */

void mt_look_begin(struct mt_thread *thread, unsigned level, struct mt_look *look)
{
	struct mt_debug *debug = thread->proc->debug;

	*look = (struct mt_look){ debug, debug->proc, debug->thread, debug->frame, debug->going };
	mt_frames_forget(debug);
	debug->proc = thread->proc;
	debug->thread = thread;
	debug->frame = level;
	debug->going = false;
}

void mt_look_end(const struct mt_look *look)
{
	struct mt_debug *debug = look->debug;

	mt_frames_forget(debug);
	debug->proc = look->proc;
	debug->thread = look->thread;
	debug->frame = look->frame;
	debug->going = look->going;
}

struct mt_error *mt_condition_holds(struct mt_thread *thread, unsigned level,
                                    const struct mt_scope_place *scope, const char *condition,
                                    bool *holds)
{
	struct mt_debug_world made;
	struct mt_error *error;
	struct mt_look look;

	mt_look_begin(thread, level, &look);
	mt_debug_world(thread->proc->debug, &made);
	if (scope)
		mt_debug_world_keep_scope(&made, scope);
	error = mt_eval_truth(&made.world, condition, holds);
	mt_look_end(&look);
	return error;
}
