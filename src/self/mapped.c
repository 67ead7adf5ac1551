/* SPDX-License-Identifier: MIT */
#include "self/mapped.h"

#include <link.h>
#include <string.h>
#include <sys/stat.h>

struct search {
	const char *path, *build_id;
	uintptr_t base;
	bool found;
};

/* ---- Build-ids ----------------------------------------------------------- */

static bool is_hex_of(const char *text, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[2 * i] != digits[bytes[i] >> 4] ||
		    text[2 * i + 1] != digits[bytes[i] & 15])
			return false;
	return true;
}

/* `size` on to the next multiple of the notes' alignment. */
static size_t padded(size_t size, size_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* A segment of notes (ELF specification, "Note Section"), which lies in `len` bytes. */
static bool notes_have(const uint8_t *notes, size_t len, size_t align, const char *build_id)
{
	ElfW(Nhdr) head;

	while (len >= sizeof(head)) {
		memcpy(&head, notes, sizeof(head));
		if (head.n_namesz > len || head.n_descsz > len)
			return false;

		size_t desc = padded(sizeof(head) + head.n_namesz, align);
		size_t next = padded(desc + head.n_descsz, align);

		if (desc + head.n_descsz > len)
			return false;
		if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + sizeof(head), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)))
			return is_hex_of(build_id, notes + desc, head.n_descsz);
		notes += next < len ? next : len;
		len -= next < len ? next : len;
	}
	return false;
}

/* Program headers are the file's word only: what they name must be mapped readable. */
static bool is_loaded(const struct dl_phdr_info *info, const ElfW(Phdr) * wanted)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *load = &info->dlpi_phdr[i];

		if (load->p_type == PT_LOAD && load->p_flags & PF_R &&
		    wanted->p_vaddr >= load->p_vaddr && wanted->p_filesz <= load->p_filesz &&
		    wanted->p_vaddr - load->p_vaddr <= load->p_filesz - wanted->p_filesz)
			return true;
	}
	return false;
}

static bool has_build_id(const struct dl_phdr_info *info, const char *build_id)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *notes = &info->dlpi_phdr[i];

		if (notes->p_type == PT_NOTE && is_loaded(info, notes) &&
		    notes_have((const uint8_t *)(info->dlpi_addr + notes->p_vaddr), notes->p_filesz,
		               notes->p_align == 8 ? 8 : 4, build_id))
			return true;
	}
	return false;
}

/* ---- Modules ------------------------------------------------------------- */

static bool is_file(const struct dl_phdr_info *info, const char *path)
{
	const char *own = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
	struct stat a, b;

	return !stat(own, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;

	if (*search->build_id ? !has_build_id(info, search->build_id)
	                      : !is_file(info, search->path))
		return 0;
	search->base = info->dlpi_addr;
	search->found = true;
	return 1;
}

bool mt_mapped_module(const char *path, const char *build_id, uintptr_t *base)
{
	struct search search = { .path = path, .build_id = build_id };

	dl_iterate_phdr(look_at, &search);
	if (search.found)
		*base = search.base;
	return search.found;
}
