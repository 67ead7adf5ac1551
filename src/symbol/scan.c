/* SPDX-License-Identifier: MIT */
#include "symbol/scan.h"

#include <emmintrin.h>
#include <string.h>

/* Up to here one vector scan a value is faster than one look at every position. */
#define FEW_WORDS 16
#define BLOCK ((size_t)1 << 16)

/* The last byte that is not zero tells most, next to the first: zeros are everywhere in DWARF. */
static size_t second_probe(struct mt_bytes needle)
{
	for (size_t i = needle.size - 1; i > 0; i--)
		if (needle.data[i])
			return i;
	return needle.size - 1;
}

/* Which of the 16 positions from `at` on match in the two probed bytes. */
static unsigned probe(const uint8_t *at, size_t second, __m128i first_byte, __m128i second_byte)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(at + second));

	return (unsigned)_mm_movemask_epi8(
	    _mm_and_si128(_mm_cmpeq_epi8(a, first_byte), _mm_cmpeq_epi8(b, second_byte)));
}

bool mt_scan_bytes(struct mt_bytes hay, size_t from, size_t to, struct mt_bytes needle,
                   struct mt_offsets *found)
{
	if (to > hay.size)
		to = hay.size;
	if (!needle.size || from >= to || to - from < needle.size)
		return true;

	size_t last = to - needle.size, at = from;
	size_t second = second_probe(needle);
	__m128i first_byte = _mm_set1_epi8((char)needle.data[0]);
	__m128i second_byte = _mm_set1_epi8((char)needle.data[second]);

	for (; at + 15 + second < to && at + 15 <= last; at += 16) {
		unsigned hits = probe(hay.data + at, second, first_byte, second_byte);

		for (; hits; hits &= hits - 1) {
			size_t hit = at + (size_t)__builtin_ctz(hits);

			if (!memcmp(hay.data + hit, needle.data, needle.size) &&
			    !mt_vec_push(found, hit))
				return false;
		}
	}
	for (; at <= last; at++)
		if (!memcmp(hay.data + at, needle.data, needle.size) && !mt_vec_push(found, at))
			return false;
	return true;
}

static void put_word(uint8_t bytes[4], uint64_t value)
{
	uint32_t word = (uint32_t)value;

	memcpy(bytes, &word, sizeof(word));
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The finds that start in the block at `from`. */
static bool scan_block(struct mt_bytes hay, size_t from, struct mt_bytes needle,
                       struct mt_offsets *found)
{
	return !needle.size ||
	       mt_scan_bytes(hay, from, from + BLOCK + needle.size - 1, needle, found);
}

/* Block by block, so that the bytes are still in the cache for the next value. */
static bool scan_few_words(struct mt_bytes hay, const uint64_t *values, size_t count,
                           struct mt_bytes also, struct mt_offsets *found)
{
	uint8_t bytes[4];

	for (size_t from = 0; from < hay.size; from += BLOCK) {
		for (size_t i = 0; i < count; i++) {
			put_word(bytes, values[i]);
			if (!scan_block(hay, from, (struct mt_bytes){ bytes, sizeof(bytes) },
			                found))
				return false;
		}
		if (!scan_block(hay, from, also, found))
			return false;
	}
	return true;
}

static bool is_one_of(const uint64_t *values, size_t count, uint32_t wanted)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (values[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && values[low] == wanted;
}

/* What rules out nearly every position: a bit for the low half of each value, and the greatest of
 * their upper bytes, which are small where string sections are. */
struct word_filter {
	uint64_t low_halves[1024];
	__m128i greatest_third, greatest_fourth;
};

static void filter_init(struct word_filter *filter, const uint64_t *values, size_t count)
{
	uint32_t greatest = (uint32_t)values[count - 1]; /* they are sorted */
	uint8_t fourth = (uint8_t)(greatest >> 24);
	uint8_t third = fourth ? UINT8_MAX : (uint8_t)(greatest >> 16);

	memset(filter->low_halves, 0, sizeof(filter->low_halves));
	for (size_t i = 0; i < count; i++)
		filter->low_halves[(values[i] & 0xffff) >> 6] |= 1ull << (values[i] & 63);
	filter->greatest_third = _mm_set1_epi8((char)third);
	filter->greatest_fourth = _mm_set1_epi8((char)fourth);
}

static bool passes_low_half(const struct word_filter *filter, uint32_t word)
{
	return filter->low_halves[(word & 0xffff) >> 6] >> (word & 63) & 1;
}

/* Which of the 16 bytes at `at` are at most `greatest`. */
static __m128i at_most(const uint8_t *at, __m128i greatest)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);

	return _mm_cmpeq_epi8(_mm_min_epu8(bytes, greatest), bytes);
}

static bool take_word(const struct word_filter *filter, const uint64_t *values, size_t count,
                      struct mt_bytes hay, size_t at, struct mt_offsets *found)
{
	uint32_t word = word_at(hay.data + at);

	return !passes_low_half(filter, word) || !is_one_of(values, count, word) ||
	       mt_vec_push(found, at);
}

static bool scan_many_words(struct mt_bytes hay, const uint64_t *values, size_t count,
                            struct mt_offsets *found)
{
	struct word_filter filter;
	size_t at = 0;

	filter_init(&filter, values, count);
	for (; at + 16 + 3 <= hay.size; at += 16) {
		const uint8_t *bytes = hay.data + at;
		unsigned hits = (unsigned)_mm_movemask_epi8(
		    _mm_and_si128(at_most(bytes + 2, filter.greatest_third),
		                  at_most(bytes + 3, filter.greatest_fourth)));

		for (; hits; hits &= hits - 1)
			if (!take_word(&filter, values, count, hay,
			               at + (size_t)__builtin_ctz(hits), found))
				return false;
	}
	for (; at + sizeof(uint32_t) <= hay.size; at++)
		if (!take_word(&filter, values, count, hay, at, found))
			return false;
	return true;
}

bool mt_scan_words(struct mt_bytes hay, const uint64_t *values, size_t count, struct mt_bytes also,
                   struct mt_offsets *found)
{
	if (count <= FEW_WORDS)
		return scan_few_words(hay, values, count, also, found);
	return scan_many_words(hay, values, count, found) &&
	       mt_scan_bytes(hay, 0, hay.size, also, found);
}

bool mt_scan_number(struct mt_bytes hay, size_t from, size_t to, uint32_t value,
                    struct mt_offsets *found)
{
	uint8_t little[4], leb[5];
	size_t little_len = 1, leb_len = 0;

	put_word(little, value);
	while (little_len < sizeof(little) && value >> (8 * little_len))
		little_len++;
	for (uint32_t rest = value; rest || !leb_len; rest >>= 7)
		leb[leb_len++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
	if (!mt_scan_bytes(hay, from, to, (struct mt_bytes){ little, little_len }, found))
		return false;
	return value < 0x80 ||
	       mt_scan_bytes(hay, from, to, (struct mt_bytes){ leb, leb_len }, found);
}

static int compare_offsets(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

void mt_offsets_sort(struct mt_offsets *offsets)
{
	size_t kept = 0;

	if (!offsets->len)
		return;
	qsort(offsets->data, offsets->len, sizeof(*offsets->data), compare_offsets);
	for (size_t i = 0; i < offsets->len; i++)
		if (!kept || offsets->data[i] != offsets->data[kept - 1])
			offsets->data[kept++] = offsets->data[i];
	offsets->len = kept;
}
