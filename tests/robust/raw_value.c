/* MessagePack for the raw peer: text to bytes, bytes to a tree, tree to text. */
#include "robust/raw_peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

void *raw_alloc(raw_arena *arena, size_t size) {
    void **block = calloc(1, 16 + size);
    if (!block)
        abort();
    block[0] = arena->blocks;
    arena->blocks = block;
    return (char *)block + 16;
}

void raw_release(raw_arena *arena) {
    while (arena->blocks) {
        void *block = arena->blocks;
        arena->blocks = *(void **)block;
        free(block);
    }
}

char *raw_format(raw_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    char *kept = raw_alloc(arena, strlen(text) + 1);
    strcpy(kept, text);
    free(text);
    return kept;
}

/* ---- a growing buffer ---- */

typedef struct growing {
    raw_arena *arena;
    unsigned char *data;
    size_t len, capacity;
} growing;

static void put(growing *out, const void *data, size_t len) {
    if (out->len + len > out->capacity) {
        size_t capacity = (out->len + len) * 2 + 64;
        unsigned char *bigger = raw_alloc(out->arena, capacity);
        if (out->len)
            memcpy(bigger, out->data, out->len);
        out->data = bigger;
        out->capacity = capacity;
    }
    if (len)
        memcpy(out->data + out->len, data, len);
    out->len += len;
}

static void put_byte(growing *out, unsigned byte) {
    unsigned char b = (unsigned char)byte;
    put(out, &b, 1);
}

/* A tag, and a number of `size` bytes behind it. */
static void put_number(growing *out, unsigned tag, uint64_t number, int size) {
    put_byte(out, tag);
    while (size-- > 0)
        put_byte(out, (unsigned)(number >> (8 * size)) & 0xff);
}

static void put_int(growing *out, int64_t i) {
    if (i >= 0) {
        uint64_t u = (uint64_t)i;
        if (u < 0x80)
            put_byte(out, (unsigned)u);
        else if (u <= 0xff)
            put_number(out, 0xcc, u, 1);
        else if (u <= 0xffff)
            put_number(out, 0xcd, u, 2);
        else if (u <= 0xffffffff)
            put_number(out, 0xce, u, 4);
        else
            put_number(out, 0xcf, u, 8);
    } else if (i >= -32) {
        put_byte(out, (unsigned)(i & 0xff));
    } else if (i >= INT8_MIN) {
        put_number(out, 0xd0, (uint64_t)i, 1);
    } else if (i >= INT16_MIN) {
        put_number(out, 0xd1, (uint64_t)i, 2);
    } else if (i >= INT32_MIN) {
        put_number(out, 0xd2, (uint64_t)i, 4);
    } else {
        put_number(out, 0xd3, (uint64_t)i, 8);
    }
}

static void put_str_head(growing *out, size_t len) {
    if (len < 32)
        put_byte(out, 0xa0 | (unsigned)len);
    else if (len <= 0xff)
        put_number(out, 0xd9, len, 1);
    else if (len <= 0xffff)
        put_number(out, 0xda, len, 2);
    else
        put_number(out, 0xdb, len, 4);
}

static void put_container(growing *out, bool map, size_t count) {
    if (count < 16)
        put_byte(out, (map ? 0x80u : 0x90u) | (unsigned)count);
    else if (count <= 0xffff)
        put_number(out, map ? 0xde : 0xdc, count, 2);
    else
        put_number(out, map ? 0xdf : 0xdd, count, 4);
}

/* ---- text to bytes ---- */

/* No function of libc here is given the rest of the text: under a sanitizer each looks at all of it. */
static void skip_blank(const char **at) {
    while (**at == ' ' || **at == '\t' || **at == '\r' || **at == '\n')
        ++*at;
}

static bool starts_with(const char *at, const char *word) {
    while (*word && *at == *word)
        at++, word++;
    return *word == '\0';
}

static int hex_digit(char c) {
    const char *digits = "0123456789abcdef";
    const char *found = c ? strchr(digits, c | 0x20) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool compile(const char **at, growing *out);

static bool compile_string(const char **at, growing *out) {
    char quote = *(*at)++;
    growing text = { out->arena, NULL, 0, 0 };
    for (; **at != quote; ++*at) {
        if (**at == '\0')
            return false;
        if (**at != '\\') {
            put(&text, *at, 1);
            continue;
        }
        char c = *++*at;
        if (c == 'x') {
            int high = hex_digit((*at)[1]), low = high < 0 ? -1 : hex_digit((*at)[2]);
            if (low < 0)
                return false;
            put_byte(&text, (unsigned)(high * 16 + low));
            *at += 2;
        } else {
            put_byte(&text, c == 'n' ? '\n' : (unsigned char)c);
        }
    }
    ++*at;
    put_str_head(out, text.len);
    put(out, text.data, text.len);
    return true;
}

static bool compile_container(const char **at, growing *out) {
    char close = **at == '{' ? '}' : **at == '(' ? ')' : ']';
    bool map = close == '}';
    growing inside = { out->arena, NULL, 0, 0 };
    size_t count = 0;
    ++*at;
    for (skip_blank(at); **at != close; skip_blank(at)) {
        if (!compile(at, &inside))
            return false;
        count++;
        skip_blank(at);
        if (map) {
            if (**at != ':')
                return false;
            ++*at;
            if (!compile(at, &inside))
                return false;
            skip_blank(at);
        }
        if (**at == ',')
            ++*at;
        else if (**at != close)
            return false;
    }
    ++*at;
    put_container(out, map, count);
    put(out, inside.data, inside.len);
    return true;
}

static bool compile_bytes(const char **at, growing *out) {
    for (++*at; **at != '>';) {
        skip_blank(at);
        int high = hex_digit(**at), low = high < 0 ? -1 : hex_digit((*at)[1]);
        if (low < 0)
            return false;
        put_byte(out, (unsigned)(high * 16 + low));
        *at += 2;
        skip_blank(at);
    }
    ++*at;
    return true;
}

static bool compile_number(const char **at, growing *out) {
    char digits[64], *end;
    size_t len = 0;
    while (len < sizeof digits - 1 && (*at)[len] && strchr("+-0123456789.eE", (*at)[len]))
        digits[len] = (*at)[len], len++;
    digits[len] = '\0';
    if (len == 0)
        return false;
    if (memchr(digits, '.', len)) {
        double f = strtod(digits, &end);
        uint64_t bits;
        memcpy(&bits, &f, sizeof bits);
        put_number(out, 0xcb, bits, 8);
    } else {
        put_int(out, strtoll(digits, &end, 10));
    }
    *at += end - digits;
    return true;
}

static bool compile(const char **at, growing *out) {
    static const struct {
        const char *word;
        unsigned byte;
    } words[] = { { "nil", 0xc0 }, { "None", 0xc0 }, { "false", 0xc2 }, { "true", 0xc3 } };
    skip_blank(at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (starts_with(*at, words[i].word)) {
            put_byte(out, words[i].byte);
            *at += strlen(words[i].word);
            return true;
        }
    }
    switch (**at) {
        case '\'':
        case '"':
            return compile_string(at, out);
        case '{':
        case '[':
        case '(':
            return compile_container(at, out);
        case '<':
            return compile_bytes(at, out);
        default:
            return compile_number(at, out);
    }
}

unsigned char *raw_compile(raw_arena *arena, const char *text, size_t *len) {
    growing out = { arena, NULL, 0, 0 };
    put(&out, "", 0);
    if (!compile(&text, &out))
        return NULL;
    skip_blank(&text);
    if (*text)
        return NULL;
    *len = out.len;
    return out.data;
}

const raw_node *raw_parse(raw_arena *arena, const char *text) {
    size_t len;
    unsigned char *data = raw_compile(arena, text, &len);
    return data ? raw_decode(arena, data, len) : NULL;
}

const char *raw_quoted(raw_arena *arena, const char *text) {
    char *out = raw_alloc(arena, 2 * strlen(text) + 1), *to = out;
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to = '\0';
    return out;
}

/* ---- bytes to a tree ---- */

typedef struct input {
    raw_arena *arena;
    const unsigned char *at, *end;
} input;

static bool take_number(input *in, int size, uint64_t *number) {
    if (in->end - in->at < size)
        return false;
    for (*number = 0; size-- > 0;)
        *number = *number << 8 | *in->at++;
    return true;
}

static bool take_text(input *in, raw_node *node, raw_kind kind, uint64_t len) {
    if ((uint64_t)(in->end - in->at) < len)
        return false;
    char *copy = raw_alloc(in->arena, len + 1);
    if (len)
        memcpy(copy, in->at, len);
    in->at += len;
    node->kind = kind;
    node->s = copy;
    node->len = len;
    return true;
}

static bool take(input *in, raw_node *node, int depth);

static bool take_items(input *in, raw_node *node, raw_kind kind, uint64_t count, int depth) {
    size_t items = (size_t)count * (kind == RAW_MAP ? 2 : 1);
    if ((uint64_t)(in->end - in->at) < items || depth == 0)
        return false;
    node->kind = kind;
    node->count = (size_t)count;
    node->items = raw_alloc(in->arena, items * sizeof *node->items);
    for (size_t i = 0; i < items; i++)
        if (!take(in, &node->items[i], depth - 1))
            return false;
    return true;
}

static bool take_ext(input *in, raw_node *node, uint64_t len) {
    uint64_t number;
    if (!take_number(in, 1, &number))
        return false;
    node->i = (int8_t)number;
    return take_text(in, node, RAW_EXT, len);
}

static bool take_float(input *in, raw_node *node, int size) {
    uint64_t bits;
    if (!take_number(in, size, &bits))
        return false;
    node->kind = RAW_FLOAT;
    if (size == 8) {
        memcpy(&node->f, &bits, sizeof node->f);
    } else {
        uint32_t few = (uint32_t)bits;
        float f;
        memcpy(&f, &few, sizeof f);
        node->f = (double)f;
    }
    return true;
}

static bool take(input *in, raw_node *node, int depth) {
    uint64_t tag, n = 0;
    if (!take_number(in, 1, &tag))
        return false;
    node->kind = RAW_INT;
    if (tag < 0x80 || tag >= 0xe0) {
        node->i = (int8_t)tag;
        return true;
    }
    if (tag < 0x90)
        return take_items(in, node, RAW_MAP, tag & 0x0f, depth);
    if (tag < 0xa0)
        return take_items(in, node, RAW_ARRAY, tag & 0x0f, depth);
    if (tag < 0xc0)
        return take_text(in, node, RAW_STR, tag & 0x1f);
    static const signed char sizes[] = { 0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                         1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4 };
    int size = sizes[tag - 0xc0];
    if (tag != 0xca && tag != 0xcb && !take_number(in, size, &n))
        return false;
    switch (tag) {
        case 0xc0:
            node->kind = RAW_NIL;
            return true;
        case 0xc2:
        case 0xc3:
            node->kind = RAW_BOOL;
            node->i = tag == 0xc3;
            return true;
        case 0xc4:
        case 0xc5:
        case 0xc6:
            return take_text(in, node, RAW_BIN, n);
        case 0xc7:
        case 0xc8:
        case 0xc9:
            return take_ext(in, node, n);
        case 0xca:
        case 0xcb:
            return take_float(in, node, size);
        case 0xd0:
            node->i = (int8_t)n;
            return true;
        case 0xd1:
            node->i = (int16_t)n;
            return true;
        case 0xd2:
            node->i = (int32_t)n;
            return true;
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
        case 0xd3:
            node->i = (int64_t)n;
            return true;
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            return take_ext(in, node, 1u << (tag - 0xd4));
        case 0xd9:
        case 0xda:
        case 0xdb:
            return take_text(in, node, RAW_STR, n);
        case 0xdc:
        case 0xdd:
            return take_items(in, node, RAW_ARRAY, n, depth);
        case 0xde:
        case 0xdf:
            return take_items(in, node, RAW_MAP, n, depth);
        default:
            return false;
    }
}

const raw_node *raw_decode(raw_arena *arena, const void *data, size_t len) {
    input in = { arena, data, (const unsigned char *)data + len };
    raw_node *root = raw_alloc(arena, sizeof *root);
    return take(&in, root, 200) && in.at == in.end ? root : NULL;
}

const raw_node *raw_get(const raw_node *map, const char *key) {
    if (!map || map->kind != RAW_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (map->items[2 * i].kind == RAW_STR && strcmp(map->items[2 * i].s, key) == 0)
            return &map->items[2 * i + 1];
    return NULL;
}

const char *raw_str(const raw_node *map, const char *key) {
    const raw_node *found = raw_get(map, key);
    return found && found->kind == RAW_STR ? found->s : "";
}

/* ---- tree to text ---- */

static void show_bytes(growing *out, const raw_node *node) {
    char text[8];
    for (size_t i = 0; i < node->len; i++) {
        snprintf(text, sizeof text, "%02x", (unsigned char)node->s[i]);
        put(out, text, 2);
    }
}

static void show(growing *out, const raw_node *node) {
    char text[64] = "";
    switch (node->kind) {
        case RAW_NIL:
            strcpy(text, "nil");
            break;
        case RAW_BOOL:
            strcpy(text, node->i ? "true" : "false");
            break;
        case RAW_INT:
            snprintf(text, sizeof text, "%lld", (long long)node->i);
            break;
        case RAW_FLOAT:
            snprintf(text, sizeof text, "%#.17g", node->f);
            break;
        case RAW_STR:
            put(out, "'", 1);
            for (size_t i = 0; i < node->len; i++) {
                unsigned char c = (unsigned char)node->s[i];
                if (c == '\'' || c == '\\')
                    put(out, "\\", 1);
                if (c >= ' ') {
                    put(out, &c, 1);
                } else {
                    snprintf(text, sizeof text, "\\x%02x", c);
                    put(out, text, 4);
                }
            }
            put(out, "'", 1);
            return;
        case RAW_BIN:
        case RAW_EXT:
            /* As bytes, in the longest form, so that it can be compiled again. */
            snprintf(text, sizeof text, node->kind == RAW_BIN ? "<c6%08zx" : "<c9%08zx%02x", node->len,
                     (unsigned)node->i & 0xff);
            put(out, text, strlen(text));
            show_bytes(out, node);
            put(out, ">", 1);
            return;
        case RAW_ARRAY:
        case RAW_MAP:
            put(out, node->kind == RAW_MAP ? "{" : "[", 1);
            for (size_t i = 0; i < node->count; i++) {
                if (i)
                    put(out, ",", 1);
                if (node->kind == RAW_ARRAY) {
                    show(out, &node->items[i]);
                } else {
                    show(out, &node->items[2 * i]);
                    put(out, ":", 1);
                    show(out, &node->items[2 * i + 1]);
                }
            }
            put(out, node->kind == RAW_MAP ? "}" : "]", 1);
            return;
    }
    put(out, text, strlen(text));
}

const char *raw_show(raw_arena *arena, const raw_node *node) {
    if (!node)
        return "(nothing)";
    growing out = { arena, NULL, 0, 0 };
    show(&out, node);
    put(&out, "", 1);
    return (const char *)out.data;
}
