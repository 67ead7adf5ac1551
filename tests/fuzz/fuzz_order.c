/* SPDX-License-Identifier: MIT */
/* Arbitrary text as the order that the library finds in the environment: what is taken for one is
 * written and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "self/order.h"

static void check_again(const struct mt_order *order)
{
	struct mt_buf first MT_AUTO_BUF = { 0 }, second MT_AUTO_BUF = { 0 };
	struct mt_order read = { 0 };

	mt_order_format(order, &first);
	if (mt_order_parse(first.data, &read))
		abort();
	mt_order_format(&read, &second);
	if (strcmp(first.data, second.data) != 0)
		abort();
	mt_order_deinit(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text MT_AUTO_FREE = mt_strndup((const char *)data, size);
	struct mt_order order = { 0 };
	struct mt_error *error = text ? mt_order_parse(text, &order) : NULL;

	if (text && !error)
		check_again(&order);
	mt_error_free(error);
	mt_order_deinit(&order);
	return 0;
}
