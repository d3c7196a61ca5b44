// Measures the limits of the running machine on one core and prints them as JSON.
//
//   bnn_roofline
//
// Rates are in units of 1e9 a second; what this machine cannot do is null.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "caches.h"
#include "clock.h"
#include "compute.h"
#include "memory.h"
#include "timer.h"

namespace {

using namespace bnn::roofline;

std::string giga(double per_second) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", per_second * 1e-9);
  return text;
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string bytes_or_null(std::ptrdiff_t bytes) {
  return bytes > 0 ? std::to_string(bytes) : "null";
}

std::string to_json(const ComputeResult& result) {
  std::string value = "null";
  if (result.rate) {
    value = "{\"gmac_per_s\": " + giga(result.rate->macs_per_second) +
            ", \"tile\": " + quoted(result.rate->tile) + "}";
  }
  return quoted(result.isa) + ": " + value;
}

std::string to_json(const MemoryResult& result) {
  std::string value = "null";
  if (const auto& bandwidth = result.bandwidth) {
    value = "{\"bytes\": " + std::to_string(bandwidth->bytes) +
            ", \"read_gb_per_s\": " + giga(bandwidth->read) +
            ", \"read_order\": " + quoted(bandwidth->read_order) +
            ", \"write_gb_per_s\": " + giga(bandwidth->write) + "}";
  }
  return quoted(result.level) + ": " + value;
}

// The members of a JSON object, one a line.
template <class Result, class Select>
std::string members(const std::vector<Result>& results, Select select) {
  std::string text;
  for (const Result& result : results) {
    if (select(result)) text += (text.empty() ? "\n    " : ",\n    ") + to_json(result);
  }
  return text.empty() ? text : text + "\n  ";
}

}  // namespace

int main() {
  const Caches caches = detect_caches();
  Timer timer;
  const Clock clock(timer);
  const Compute compute(timer);
  const Memory memory(timer, caches);
  timer.measure();

  const auto rates = compute.results(timer);
  std::string json = "{\n  \"clock_ghz\": " + giga(clock.hertz(timer));
  json += ",\n  \"caches\": {\"l1\": " + bytes_or_null(caches.l1) +
          ", \"l2\": " + bytes_or_null(caches.l2) + ", \"l3\": " + bytes_or_null(caches.l3) + "}";
  for (const std::string_view kind : {"binary", "float32", "int8"}) {
    json += ",\n  " + quoted(kind) + ": {" +
            members(rates, [kind](const ComputeResult& r) { return r.kind == kind; }) + "}";
  }
  json += ",\n  \"memory\": {" +
          members(memory.results(timer), [](const MemoryResult&) { return true; }) + "}\n}";
  std::puts(json.c_str());
}
