/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: the parts of mt_type_print_definition(). */
#ifndef MT_SYMBOL_TYPE_DEFINE_H
#define MT_SYMBOL_TYPE_DEFINE_H

#include "symbol/type_text.h"

/* One definition on its way to text. */
struct mt_definition {
	struct mt_type_writer writer;
	unsigned options;
	unsigned types_left; /* damaged structs can contain themselves, more than once */
};

/* Where a struct lies in the outermost one, and how far its members have come: in bits. */
struct mt_layout {
	uint64_t start;
	uint64_t end; /* of the last member, from the struct's start */
	bool is_union;
};

/*
 * How much is told of a type: MT_SHOW_BODY spells it out, MT_SHOW_NAME only if it has no name,
 * MT_SHOW_BRIEF leaves even that as {...}.
 */
enum mt_show { MT_SHOW_BRIEF = -1, MT_SHOW_NAME, MT_SHOW_BODY };

/* The declaration of `name`, whose first line is indented already; further ones by `level`. */
void mt_define(struct mt_definition *definition, const struct mt_type *type, const char *name,
               int show, unsigned level, uint64_t start);

/* From { to } of a struct, class or union. `show` of its members is one less. */
void mt_define_body(struct mt_definition *definition, const struct mt_type *type, int show,
                    unsigned level, uint64_t start);

/* After its fields: methods, and typedefs. `section` is the access label that was last written. */
struct mt_section {
	bool is_open;
	enum mt_access access;
};
void mt_define_label(struct mt_definition *definition, struct mt_section *section,
                     enum mt_access access, unsigned level);
void mt_define_methods(struct mt_definition *definition, const struct mt_class *of_class,
                       struct mt_section *section, unsigned level);

/* Rust's structs, tuples, unions and enumerations. */
void mt_define_rust(struct mt_definition *definition, const struct mt_type *type, unsigned level,
                    uint64_t start);

/* ---- ptype/o: what stands before a line ------------------------------------- */

/* The blank, or nothing without MT_DEFINE_OFFSETS. */
void mt_layout_blank(struct mt_definition *definition);

/* Before a member: holes, its offset and its size. */
void mt_layout_member(struct mt_definition *definition, struct mt_layout *layout,
                      const struct mt_member *member);

/* After the last one: padding, and the size of all. */
void mt_layout_end(struct mt_definition *definition, struct mt_layout *layout,
                   const struct mt_type *type, unsigned level);

/* Spaces. */
void mt_define_indent(struct mt_definition *definition, unsigned columns);

/* How "struct conn" is called behind its keyword; NULL: not at all. */
const char *mt_define_tag(const struct mt_definition *definition, const struct mt_type *type);

#endif
