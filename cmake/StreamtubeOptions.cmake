# What a user can choose when configuring, with its default.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(STREAMTUBE_BUILD_TESTS "Build the tests and golden_check" ON)
option(STREAMTUBE_JOIN_SOURCES "Compile six sources at a time: half the time for all, more for one that changed" OFF)
option(STREAMTUBE_SANITIZE "Address and undefined-behaviour sanitizers" OFF)
option(STREAMTUBE_POISON_ARENA "Fill released arena memory with NaN, so that stale reads show" OFF)
option(STREAMTUBE_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" OFF)
option(STREAMTUBE_STATIC_CORE
  "streamtube-core alone, linked statically where archives are installed: starts on a machine with only a driver" OFF)
# AUTO: build the part if its libraries are found, else leave it out and say so. ON: fail without them.
set(STREAMTUBE_APPLICATION AUTO CACHE STRING
  "The streamtube program (needs VTK, CGAL, HDF5, CLI11, JSON): AUTO, ON or OFF")
set_property(CACHE STREAMTUBE_APPLICATION PROPERTY STRINGS AUTO ON OFF)
set(STREAMTUBE_MPI AUTO CACHE STRING "Training by several processes (needs MPI): AUTO, ON or OFF")
set_property(CACHE STREAMTUBE_MPI PROPERTY STRINGS AUTO ON OFF)
set(STREAMTUBE_CAD AUTO CACHE STRING "Reading of STEP and IGES (needs Open CASCADE): AUTO, ON or OFF")
set_property(CACHE STREAMTUBE_CAD PROPERTY STRINGS AUTO ON OFF)
set(STREAMTUBE_NLOPT AUTO CACHE STRING "The command optimise (needs NLopt): AUTO, ON or OFF")
set_property(CACHE STREAMTUBE_NLOPT PROPERTY STRINGS AUTO ON OFF)
if(STREAMTUBE_STATIC_CORE)
  set(STREAMTUBE_APPLICATION OFF)
  set(STREAMTUBE_MPI OFF)
  set(STREAMTUBE_BUILD_TESTS OFF)
  set(HDF5_USE_STATIC_LIBRARIES ON)
endif()
# Hot kernels choose AVX-512 or AMX at run time; this is the floor for everything else.
set(STREAMTUBE_CPU_BASELINE "x86-64-v3" CACHE STRING
  "-march for device sources on x86-64 (x86-64-v3 = AVX2 and FMA, any PC since about 2015); empty: the compiler's default")
