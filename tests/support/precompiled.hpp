#pragma once
// What most tests begin with, read by the compiler once for all test programs. Tests include what they use all the
// same: the preset `debug` compiles them without this.

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
#if __has_include(<nlohmann/json.hpp>)
#include "core/json.hpp"
#endif
