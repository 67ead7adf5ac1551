/* SPDX-License-Identifier: MIT */
/*
 * Where a thread's copy of a module's thread-local block is: Ulrich Drepper, "ELF Handling For
 * Thread-Local Storage", sections 3 and 4, variant II. The program's own block lies right below the
 * thread pointer, where the linker has put it. Those of libraries are glibc's business: it
 * describes its structures to debuggers in constants of its own (nptl_db/structs.def, which
 * libthread_db reads), so that this holds whatever the version.
 */
#include <gelf.h>
#include <inttypes.h>
#include <link.h>
#include <string.h>

#include "cfi/reader.h"
#include "symbol/dynamic.h"
#include "symbol/module.h"
#include "symbol/where_private.h"

/* Damaged lists of the dynamic linker may have no end. */
#define MAPS_MAX 20000
#define NAMESPACES_MAX 64
#define DYNAMIC_MAX 1024
#define SLOT_LISTS_MAX 10000

struct tls {
	struct mt_image *image;
	mt_memory_reader read;
	void *arg;
	uint64_t thread; /* the thread pointer */
	uint8_t word;
};

static struct mt_error *read_number(const struct tls *tls, uint64_t addr, size_t size,
                                    uint64_t *number)
{
	uint64_t value = 0;

	if (!size || size > sizeof(value))
		return mt_error_new(MT_ERR_FORMAT, "the C library describes a number of %zu bytes",
		                    size);
	MT_TRY(tls->read(tls->arg, addr, &value, size));
	*number = value;
	return NULL;
}

static struct mt_error *read_word(const struct tls *tls, uint64_t addr, uint64_t *number)
{
	return read_number(tls, addr, tls->word, number);
}

static bool find_segment(struct mt_module_file *file, uint32_t type, GElf_Phdr *segment)
{
	Elf *elf = mt_module_file_elf(file);
	size_t count;

	if (!elf || elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count && i < INT32_MAX; i++)
		if (gelf_getphdr(elf, (int)i, segment) && segment->p_type == type)
			return true;
	return false;
}

uint64_t mt_tls_offset(struct mt_module_file *file, uint64_t offset)
{
	GElf_Phdr segment;

	if (find_segment(file, PT_TLS, &segment) && offset >= segment.p_memsz &&
	    offset - segment.p_vaddr < segment.p_memsz)
		return offset - segment.p_vaddr;
	return offset;
}

/* ---- The program's own block --------------------------------------------- */

/* As far below the thread pointer as its size is, rounded up so that its start is aligned as the
 * segment's is (glibc's _dl_determine_tlsoffset(), and what linkers count on in local-exec code).
 */
static struct mt_error *executable_block(const struct tls *tls, const struct mt_module *module,
                                         uint64_t *block)
{
	GElf_Phdr segment;

	if (!find_segment(module->file, PT_TLS, &segment))
		return mt_error_new(MT_ERR_NOT_FOUND, "%s has no thread-local variables",
		                    module->name);

	uint64_t align = segment.p_align ? segment.p_align : 1;
	uint64_t skew = -segment.p_vaddr & (align - 1);

	*block = tls->thread - (((segment.p_memsz - skew + align - 1) & -align) + skew);
	return NULL;
}

/* ---- The dynamic linker's list of modules -------------------------------- */

/* The head of the list: DT_DEBUG of the program, which the dynamic linker fills in. */
static struct mt_error *find_debug(const struct tls *tls, uint64_t *debug)
{
	const struct mt_module *executable = mt_image_executable(tls->image);
	GElf_Phdr segment;

	if (!find_segment(executable->file, PT_DYNAMIC, &segment))
		return mt_error_new(MT_ERR_UNSUPPORTED, "%s has no dynamic linker",
		                    executable->name);
	for (uint64_t i = 0; i < DYNAMIC_MAX; i++) {
		uint64_t entry = segment.p_vaddr + executable->bias + i * 2 * tls->word, tag;

		MT_TRY(read_word(tls, entry, &tag));
		if (tag == DT_DEBUG)
			return read_word(tls, entry + tls->word, debug);
		if (tag == DT_NULL)
			break;
	}
	return mt_error_new(MT_ERR_UNSUPPORTED, "%s does not tell of its libraries",
	                    executable->name);
}

/* struct link_map: l_addr, l_name, l_ld, l_next. l_ld lies in the module. */
static struct mt_error *find_map_in(const struct tls *tls, uint64_t first,
                                    const struct mt_module *module, uint64_t *map)
{
	uint64_t dynamic, next = first;

	for (size_t i = 0; next && i < MAPS_MAX; i++) {
		uint64_t at = next;

		MT_TRY(read_word(tls, at + 2 * tls->word, &dynamic));
		if (dynamic >= module->start && dynamic < module->end) {
			*map = at;
			return NULL;
		}
		MT_TRY(read_word(tls, at + 3 * tls->word, &next));
	}
	*map = 0;
	return NULL;
}

/* struct r_debug: r_version (an int), r_map, r_brk, r_state, r_ldbase; from version 2 on r_next,
 * for each namespace of dlmopen(3). */
static struct mt_error *find_map(const struct tls *tls, const struct mt_module *module,
                                 uint64_t *map)
{
	uint64_t debug, version, first;

	MT_TRY(find_debug(tls, &debug));
	for (size_t i = 0; debug && i < NAMESPACES_MAX; i++) {
		MT_TRY(read_number(tls, debug, sizeof(int), &version));
		MT_TRY(read_word(tls, debug + tls->word, &first));
		MT_TRY(find_map_in(tls, first, module, map));
		if (*map)
			return NULL;
		if (version < 2)
			break;
		MT_TRY(read_word(tls, debug + 5 * tls->word, &debug));
	}
	return mt_error_new(MT_ERR_UNSUPPORTED, "the dynamic linker does not know of %s yet",
	                    module->name);
}

/* ---- glibc's own structures ---------------------------------------------- */

/* A field, as _thread_db_STRUCT_FIELD describes it: its size in bits, how many there are, and its
 * offset. */
struct field {
	uint32_t bits, count, offset;
};

/* It is the C library that has them: libc.so.6 or libc-2.31.so, before glibc 2.34 libpthread. */
static bool is_c_library(const struct mt_module *module)
{
	return !strncmp(module->name, "libc.", 5) || !strncmp(module->name, "libc-", 5) ||
	       !strncmp(module->name, "libpthread", 10);
}

static bool find_symbol(const struct tls *tls, const char *name, uint64_t *addr)
{
	for (size_t i = 0; i < mt_image_module_count(tls->image); i++) {
		const struct mt_module *module = mt_image_module(tls->image, i);

		if (is_c_library(module) && mt_module_symbol(module, name, addr))
			return true;
	}
	return false;
}

static struct mt_error *find_field(const struct tls *tls, const char *name, struct field *field)
{
	uint64_t addr;

	if (!find_symbol(tls, name, &addr))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "this C library does not tell where libraries' thread-local "
		                    "variables are (it has no %s)",
		                    name);
	return tls->read(tls->arg, addr, field, sizeof(*field));
}

/* The `index`th of that field in the struct at `base`. */
static struct mt_error *read_field(const struct tls *tls, const char *name, uint64_t base,
                                   uint64_t index, uint64_t *value)
{
	struct field field;

	MT_TRY(find_field(tls, name, &field));
	return read_number(tls, base + field.offset + index * (field.bits / 8), field.bits / 8,
	                   value);
}

/* The slot of module `id` in the list that has the generation of each: when it was loaded. */
static struct mt_error *module_generation(const struct tls *tls, uint64_t id, uint64_t *generation)
{
	const struct mt_module *linker = NULL;
	uint64_t global, list, len, size, start = 0;
	struct field slots;

	for (size_t i = 0; i < mt_image_module_count(tls->image) && !linker; i++)
		if (mt_module_symbol(mt_image_module(tls->image, i), "_rtld_global", &global))
			linker = mt_image_module(tls->image, i);
	*generation = 0;
	if (!linker || !find_symbol(tls, "_thread_db_sizeof_dtv_slotinfo", &size))
		return NULL;
	MT_TRY(read_number(tls, size, sizeof(uint32_t), &size));
	MT_TRY(find_field(tls, "_thread_db_dtv_slotinfo_list_slotinfo", &slots));
	MT_TRY(
	    read_field(tls, "_thread_db_rtld_global__dl_tls_dtv_slotinfo_list", global, 0, &list));
	for (size_t i = 0; list && i < SLOT_LISTS_MAX; i++) {
		MT_TRY(read_field(tls, "_thread_db_dtv_slotinfo_list_len", list, 0, &len));
		if (id - start < len)
			return read_field(tls, "_thread_db_dtv_slotinfo_gen",
			                  list + slots.offset + (id - start) * size, 0, generation);
		start += len;
		MT_TRY(read_field(tls, "_thread_db_dtv_slotinfo_list_next", list, 0, &list));
	}
	return NULL;
}

static struct mt_error *not_yet(const struct mt_module *module)
{
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    "this thread has not touched its copy of %s's thread-local variables "
	                    "yet",
	                    module->name);
}

/* By the thread's vector of blocks. Its first entry is the generation up to which it was kept; the
 * one before that, how many follow. An entry is all ones while there is no block. */
static struct mt_error *dynamic_block(const struct tls *tls, const struct mt_module *module,
                                      uint64_t id, uint64_t *block)
{
	uint64_t vector, count, generation, needed, found;
	struct field entries;

	MT_TRY(read_field(tls, "_thread_db_pthread_dtvp", tls->thread, 0, &vector));
	MT_TRY(find_field(tls, "_thread_db_dtv_dtv", &entries));

	uint64_t first = vector + entries.offset, step = entries.bits / 8;

	MT_TRY(read_field(tls, "_thread_db_dtv_t_counter", first - step, 0, &count));
	MT_TRY(read_field(tls, "_thread_db_dtv_t_counter", first, 0, &generation));
	MT_TRY(module_generation(tls, id, &needed));
	if (id > count || generation < needed)
		return not_yet(module);
	MT_TRY(read_field(tls, "_thread_db_dtv_t_pointer_val", first + id * step, 0, &found));
	if (!found || found & 1) /* while dlopen(3) is at it there is not even that */
		return not_yet(module);
	*block = found;
	return NULL;
}

/* Libraries that were there at the start, and some that came later, have their blocks below the
 * thread pointer too; no such offset is 0, or -1 (FORCED_DYNAMIC_TLS_OFFSET). */
static struct mt_error *library_block(const struct tls *tls, const struct mt_module *module,
                                      uint64_t *block)
{
	uint64_t map, id, offset, none = tls->word == 4 ? UINT32_MAX : UINT64_MAX;

	MT_TRY(find_map(tls, module, &map));
	MT_TRY(read_field(tls, "_thread_db_link_map_l_tls_modid", map, 0, &id));
	if (!id)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s has no thread-local variables",
		                    module->name);
	MT_TRY(read_field(tls, "_thread_db_link_map_l_tls_offset", map, 0, &offset));
	if (!offset || offset == none)
		return dynamic_block(tls, module, id, block);
	*block = tls->thread - offset;
	return NULL;
}

struct mt_error *mt_tls_address(struct mt_image *image, mt_memory_reader read, void *arg,
                                uint64_t fs_base, const struct mt_module *module, uint64_t offset,
                                uint64_t *addr)
{
	enum mt_machine machine = mt_image_machine(image);
	const struct tls tls = { image, read, arg, fs_base, mt_machine_word(machine) };
	uint64_t block;

	if (!fs_base)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "this thread has no thread-local variables yet");
	MT_TRY(module == mt_image_executable(image) ? executable_block(&tls, module, &block)
	                                            : library_block(&tls, module, &block));
	*addr = mt_machine_wrap(machine, block + offset);
	return NULL;
}
