/* link.c - a linker for what the code generator emits: one object, no imports.
 *
 * Sections that are loaded and read-only (.text*, .rodata*) keep their order in
 * the object; a relocation between two of them is a difference of offsets, so
 * the block runs at any address. SPDX-License-Identifier: Apache-2.0
 */
#include "codegen/link.h"

#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

typedef struct object {
  const uint8_t *bytes;
  const Elf64_Ehdr *header;
  const Elf64_Shdr *sections;
  const char *section_names;
  const Elf64_Sym *symbols;
  const char *symbol_names;
  size_t n_symbols;
} object;

static object object_open(const uint8_t *bytes) {
  object o = {.bytes = bytes, .header = (const Elf64_Ehdr *)bytes};
  o.sections = (const Elf64_Shdr *)(bytes + o.header->e_shoff);
  o.section_names = (const char *)bytes + o.sections[o.header->e_shstrndx].sh_offset;
  for (size_t i = 0; i < o.header->e_shnum; i++) {
    const Elf64_Shdr *s = &o.sections[i];
    if (s->sh_type != SHT_SYMTAB) continue;
    o.symbols = (const Elf64_Sym *)(bytes + s->sh_offset);
    o.n_symbols = s->sh_size / sizeof(Elf64_Sym);
    o.symbol_names = (const char *)bytes + o.sections[s->sh_link].sh_offset;
  }
  return o;
}

/* Code and constants; not the unwind tables, which nobody reads. */
static bool is_kept(const object *o, const Elf64_Shdr *s) {
  return s->sh_type == SHT_PROGBITS && (s->sh_flags & SHF_ALLOC) && !(s->sh_flags & SHF_WRITE) && s->sh_size &&
         strcmp(o->section_names + s->sh_name, ".eh_frame") != 0;
}

/* Offset of section `index` in the linked block; its end for index == e_shnum. */
static uint64_t section_offset(const object *o, size_t index) {
  uint64_t at = 0;
  for (size_t i = 0; i < o->header->e_shnum; i++) {
    const Elf64_Shdr *s = &o->sections[i];
    if (!is_kept(o, s)) continue;
    const uint64_t align = s->sh_addralign > 64 ? s->sh_addralign : 64;
    at = (at + align - 1) / align * align;
    if (i == index) return at;
    at += s->sh_size;
  }
  return at;
}

static mxn_status relocate(const object *o, const Elf64_Shdr *table, uint8_t *code, mxn_error *err) {
  const Elf64_Rela *r = (const Elf64_Rela *)(o->bytes + table->sh_offset);
  const uint64_t base = section_offset(o, table->sh_info);
  for (size_t i = 0; i < table->sh_size / sizeof *r; i++) {
    const Elf64_Sym *symbol = &o->symbols[ELF64_R_SYM(r[i].r_info)];
    const uint32_t type = (uint32_t)ELF64_R_TYPE(r[i].r_info);
    const char *name = o->symbol_names + symbol->st_name;
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= o->header->e_shnum ||
        !is_kept(o, &o->sections[symbol->st_shndx]))
      return error_set(err, MXN_INTERNAL, "code generator: generated code needs '%s'", name);
    if (type != R_X86_64_PC32 && type != R_X86_64_PLT32)
      return error_set(err, MXN_INTERNAL, "code generator: relocation type %u against '%s'", type, name);
    const uint64_t place = base + r[i].r_offset;
    const uint64_t value = section_offset(o, symbol->st_shndx) + symbol->st_value;
    const int32_t relative = (int32_t)((int64_t)value + r[i].r_addend - (int64_t)place);
    memcpy(code + place, &relative, sizeof relative);
  }
  return MXN_OK;
}

mxn_status link_object(arena *a, const uint8_t *bytes, linked_code *out_code, mxn_error *err) {
  const object o = object_open(bytes);
  const size_t size = section_offset(&o, o.header->e_shnum);
  uint8_t *code = arena_alloc(a, size ? size : 1);
  for (size_t i = 0; i < o.header->e_shnum; i++)
    if (is_kept(&o, &o.sections[i]))
      memcpy(code + section_offset(&o, i), bytes + o.sections[i].sh_offset, o.sections[i].sh_size);
  for (size_t i = 0; i < o.header->e_shnum; i++) {
    const Elf64_Shdr *s = &o.sections[i];
    if (s->sh_type == SHT_RELA && is_kept(&o, &o.sections[s->sh_info])) TRY(relocate(&o, s, code, err));
  }
  *out_code = (linked_code){code, size};
  return MXN_OK;
}

mxn_status link_find(const uint8_t *bytes, const char *function, uint64_t *out_offset, mxn_error *err) {
  const object o = object_open(bytes);
  for (size_t i = 0; i < o.n_symbols; i++) {
    const Elf64_Sym *s = &o.symbols[i];
    if (s->st_shndx == SHN_UNDEF || strcmp(o.symbol_names + s->st_name, function) != 0) continue;
    *out_offset = section_offset(&o, s->st_shndx) + s->st_value;
    return MXN_OK;
  }
  return error_set(err, MXN_INTERNAL, "code generator: function '%s' is not in the object", function);
}
