#include "cpu_features.h"

#include <algorithm>

#include "cpu/isa.h"

namespace bnn::roofline {

bool cpu_has(std::initializer_list<std::string_view> features) {
  const auto found = cpu_feature_names();
  return std::all_of(features.begin(), features.end(), [found](std::string_view feature) {
    return std::find(found.begin(), found.end(), feature) != found.end();
  });
}

}  // namespace bnn::roofline
