/**
 * @file tractor/export.h
 * @brief Visibility and compiler checks.
 */
#ifndef TRACTOR_EXPORT_H
#define TRACTOR_EXPORT_H

/* Binding generators define TRACTOR_FFI: the header then has no attribute, no FILE and no va_list, whose layouts
 * would leak from libc into the bindings. */
#if defined(__GNUC__) && !defined(TRACTOR_FFI)
#define TRACTOR_API __attribute__((visibility("default")))
#define TRACTOR_PRINTF(format_index, first) __attribute__((__format__(__printf__, format_index, first)))
#else
#define TRACTOR_API
#define TRACTOR_PRINTF(format_index, first)
#endif

#endif
