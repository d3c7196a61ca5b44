// BNN_X86_ROW(row): a manifest row whose source file exists on x86-64 only; nothing elsewhere.
#pragma once

#if defined(__x86_64__)
#define BNN_X86_ROW(...) __VA_ARGS__
#else
#define BNN_X86_ROW(...)
#endif
