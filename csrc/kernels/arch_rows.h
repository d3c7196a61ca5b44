// BNN_X86_ROW(row), BNN_ARM64_ROW(row): a manifest row whose source file exists on that
// architecture only; nothing elsewhere.
#pragma once

#if defined(__x86_64__)
#define BNN_X86_ROW(...) __VA_ARGS__
#else
#define BNN_X86_ROW(...)
#endif

#if defined(__aarch64__)
#define BNN_ARM64_ROW(...) __VA_ARGS__
#else
#define BNN_ARM64_ROW(...)
#endif
