#pragma once

#include <functional>

namespace streamtube::core {

// Done by the end of the Runtime before the back ends stop, the last one said first: what holds things of a device.
void before_stop(std::function<void()> work);

}  // namespace streamtube::core
