/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "x86/debugreg.h"

void mt_dr_mirror_init(struct mt_dr_mirror *mirror)
{
	*mirror = (struct mt_dr_mirror){ 0 };
}

static enum mt_dr_kind kept_kind(enum mt_dr_kind kind)
{
	return kind == MT_DR_READ ? MT_DR_ACCESS : kind;
}

static const char *kind_name(enum mt_dr_kind kind)
{
	static const char *const names[] = {
		[MT_DR_EXEC] = "execute",  [MT_DR_WRITE] = "write", [MT_DR_READ] = "read",
		[MT_DR_ACCESS] = "access", [MT_DR_IO] = "I/O",
	};

	return names[kind];
}

static bool slot_is(const struct mt_dr_slot *slot, enum mt_dr_kind kind,
                    const struct mt_dr_piece *piece)
{
	return slot->len == piece->len && slot->addr == piece->addr && slot->kind == kind;
}

static bool slot_owned_by(const struct mt_dr_slot *slot, mt_dr_owner owner, size_t *place)
{
	for (size_t i = 0; i < slot->refs; i++) {
		if (slot->owners[i] == owner) {
			*place = i;
			return true;
		}
	}
	return false;
}

/* The register to share for that piece, NULL when there is none with room for one more owner. */
static struct mt_dr_slot *find_shared(struct mt_dr_mirror *mirror, enum mt_dr_kind kind,
                                      const struct mt_dr_piece *piece)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		struct mt_dr_slot *slot = &mirror->slots[i];

		if (slot_is(slot, kind, piece) && slot->refs < MT_DR_MAX_OWNERS)
			return slot;
	}
	return NULL;
}

static struct mt_dr_slot *find_owned(struct mt_dr_mirror *mirror, enum mt_dr_kind kind,
                                     const struct mt_dr_piece *piece, mt_dr_owner owner,
                                     size_t *place)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		struct mt_dr_slot *slot = &mirror->slots[i];

		if (slot_is(slot, kind, piece) && slot_owned_by(slot, owner, place))
			return slot;
	}
	return NULL;
}

static struct mt_dr_slot *find_free(struct mt_dr_mirror *mirror)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		if (mirror->slots[i].len == 0)
			return &mirror->slots[i];
	}
	return NULL;
}

/* ---- Taking and giving back ---------------------------------------------- */

/* What mt_dr_insert() was asked for. */
struct request {
	enum mt_dr_kind kind;
	uint64_t addr;
	uint64_t len;
	const char *(*describe)(mt_dr_owner owner, void *arg);
	void *arg;
};

static struct mt_error *check_possible(const struct request *request)
{
	if (request->len == 0)
		return mt_error_new(MT_ERR_USAGE, "cannot watch 0 bytes at 0x%" PRIx64,
		                    request->addr);
	if (request->addr + (request->len - 1) < request->addr)
		return mt_error_new(MT_ERR_USAGE,
		                    "cannot watch %" PRIu64 " bytes at 0x%" PRIx64
		                    ": the range goes past the end of the address space",
		                    request->len, request->addr);
	if (request->kind == MT_DR_EXEC && request->len != 1)
		return mt_error_new(MT_ERR_USAGE,
		                    "an execute trap at 0x%" PRIx64 " has length 1, not %" PRIu64,
		                    request->addr, request->len);
	return NULL;
}

static void say_holders(struct mt_buf *text, const struct mt_dr_slot *slot,
                        const struct request *request)
{
	mt_buf_printf(text, "; 0x%" PRIx64 ":%u (%s) is held by", slot->addr, slot->len,
	              kind_name(slot->kind));
	for (size_t i = 0; i < slot->refs; i++) {
		mt_buf_text(text, i ? ", " : " ");
		if (request->describe)
			mt_buf_text(text, request->describe(slot->owners[i], request->arg));
		else
			mt_buf_printf(text, "trap %" PRIu32, slot->owners[i]);
	}
}

static struct mt_error *refuse(const struct mt_dr_mirror *mirror, const struct request *request,
                               size_t needed)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	size_t unused = MT_DR_COUNT - mt_dr_used(mirror);

	mt_buf_printf(&text,
	              "cannot watch %" PRIu64 " bytes at 0x%" PRIx64 " (%s): it needs %zu debug "
	              "register%s, of which the processor has %d and %zu %s free",
	              request->len, request->addr, kind_name(request->kind), needed,
	              needed == 1 ? "" : "s", MT_DR_COUNT, unused, unused == 1 ? "is" : "are");
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		if (mirror->slots[i].len)
			say_holders(&text, &mirror->slots[i], request);
	}
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	return mt_error_new(MT_ERR_NO_REGISTER, "%s", text.data);
}

/* False when no register is left for the piece. */
static bool take(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                 const struct mt_dr_piece *piece)
{
	struct mt_dr_slot *slot = find_shared(mirror, kind, piece);

	if (!slot) {
		slot = find_free(mirror);
		if (!slot)
			return false;
		slot->addr = piece->addr;
		slot->len = piece->len;
		slot->kind = kind;
	}
	slot->owners[slot->refs++] = owner;
	return true;
}

/* False when the owner has no register on the piece. */
static bool give_back(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                      const struct mt_dr_piece *piece)
{
	size_t place;
	struct mt_dr_slot *slot = find_owned(mirror, kind, piece, owner, &place);

	if (!slot)
		return false;
	slot->refs--;
	memmove(&slot->owners[place], &slot->owners[place + 1],
	        (slot->refs - place) * sizeof(*slot->owners));
	if (slot->refs == 0)
		*slot = (struct mt_dr_slot){ 0 };
	return true;
}

struct mt_error *mt_dr_insert(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                              uint64_t addr, uint64_t len,
                              const char *(*describe)(mt_dr_owner owner, void *arg), void *arg)
{
	const struct request request = {
		.kind = kind,
		.addr = addr,
		.len = len,
		.describe = describe,
		.arg = arg,
	};
	struct mt_dr_mirror trial = *mirror;
	struct mt_dr_piece pieces[MT_DR_COUNT];
	size_t needed = mt_dr_split(addr, len, pieces, MT_DR_COUNT);

	MT_TRY(check_possible(&request));
	if (needed > MT_DR_COUNT)
		return refuse(mirror, &request, needed);
	for (size_t i = 0; i < needed; i++) {
		if (!take(&trial, owner, kept_kind(kind), &pieces[i]))
			return refuse(mirror, &request, needed);
	}
	*mirror = trial;
	return NULL;
}

struct mt_error *mt_dr_remove(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                              uint64_t addr, uint64_t len)
{
	struct mt_dr_mirror trial = *mirror;
	struct mt_dr_piece pieces[MT_DR_COUNT];
	size_t count = mt_dr_split(addr, len, pieces, MT_DR_COUNT);
	bool held = count > 0 && count <= MT_DR_COUNT;

	for (size_t i = 0; held && i < count; i++)
		held = give_back(&trial, owner, kept_kind(kind), &pieces[i]);
	if (!held)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "trap %" PRIu32 " holds no debug register for %" PRIu64
		                    " bytes at 0x%" PRIx64 " (%s)",
		                    owner, len, addr, kind_name(kind));
	*mirror = trial;
	return NULL;
}

/* ---- What the mirror says ------------------------------------------------ */

size_t mt_dr_used(const struct mt_dr_mirror *mirror)
{
	size_t used = 0;

	for (size_t i = 0; i < MT_DR_COUNT; i++)
		used += mirror->slots[i].len != 0;
	return used;
}

uint64_t mt_dr_mirror_dr7(const struct mt_dr_mirror *mirror, uint64_t dr7)
{
	for (unsigned i = 0; i < MT_DR_COUNT; i++) {
		const struct mt_dr_slot *slot = &mirror->slots[i];

		dr7 = slot->len ? mt_dr7_enable(dr7, i, slot->kind, slot->len)
		                : mt_dr7_disable(dr7, i);
	}
	return dr7;
}

static bool slot_hit(const struct mt_dr_mirror *mirror, uint64_t dr6, size_t index)
{
	return mirror->slots[index].len && (mt_dr6_hits(dr6) >> index & 1);
}

/* Whether that owner was told already, for a register or a place before this one. */
static bool owner_told(const struct mt_dr_mirror *mirror, uint64_t dr6, size_t index, size_t place)
{
	mt_dr_owner owner = mirror->slots[index].owners[place];
	size_t first;

	for (size_t i = 0; i < index; i++) {
		if (slot_hit(mirror, dr6, i) && slot_owned_by(&mirror->slots[i], owner, &first))
			return true;
	}
	return slot_owned_by(&mirror->slots[index], owner, &first) && first < place;
}

size_t mt_dr_hit_owners(const struct mt_dr_mirror *mirror, uint64_t dr6, mt_dr_owner *owners,
                        size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		if (!slot_hit(mirror, dr6, i))
			continue;
		for (size_t place = 0; place < mirror->slots[i].refs; place++) {
			if (owner_told(mirror, dr6, i, place))
				continue;
			if (count < max)
				owners[count] = mirror->slots[i].owners[place];
			count++;
		}
	}
	return count;
}

bool mt_dr_stopped_data_address(const struct mt_dr_mirror *mirror, uint64_t dr6, uint64_t *addr)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		enum mt_dr_kind kind = mirror->slots[i].kind;

		if (slot_hit(mirror, dr6, i) && (kind == MT_DR_WRITE || kind == MT_DR_ACCESS)) {
			*addr = mirror->slots[i].addr;
			return true;
		}
	}
	return false;
}

/* ---- Reads and writes told apart ------------------------------------------ */

/* The register for writes to the same piece; NULL: there is none. */
static const struct mt_dr_slot *twin_of(const struct mt_dr_mirror *mirror,
                                        const struct mt_dr_slot *slot)
{
	const struct mt_dr_piece piece = { slot->addr, slot->len };

	for (size_t i = 0; i < MT_DR_COUNT; i++)
		if (slot_is(&mirror->slots[i], MT_DR_WRITE, &piece))
			return &mirror->slots[i];
	return NULL;
}

void mt_dr_add_twins(struct mt_dr_mirror *mirror)
{
	const struct mt_dr_mirror before = *mirror;

	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		const struct mt_dr_slot *slot = &before.slots[i];
		struct mt_dr_slot *twin = find_free(mirror);

		if (!slot->len || slot->kind != MT_DR_ACCESS || twin_of(mirror, slot) || !twin)
			continue;
		*twin = (struct mt_dr_slot){ .addr = slot->addr,
			                     .len = slot->len,
			                     .kind = MT_DR_WRITE };
	}
}

enum mt_dr_written mt_dr_written(const struct mt_dr_mirror *mirror, uint64_t dr6, uint64_t addr,
                                 uint64_t len)
{
	enum mt_dr_written written = MT_DR_NOT_WRITTEN;

	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		const struct mt_dr_slot *slot = &mirror->slots[i];

		if (!slot_hit(mirror, dr6, i) || slot->kind == MT_DR_EXEC ||
		    slot->addr - addr >= len)
			continue;
		if (slot->kind == MT_DR_WRITE)
			return MT_DR_WRITTEN;
		if (!twin_of(mirror, slot))
			written = MT_DR_MAYBE_WRITTEN;
	}
	return written;
}
