// What csrc/cpu has detected, asked by name.
#pragma once

#include <initializer_list>
#include <string_view>

namespace bnn::roofline {

// True when the CPU has, and the operating system supports, all of them.
bool cpu_has(std::initializer_list<std::string_view> features);

}  // namespace bnn::roofline
