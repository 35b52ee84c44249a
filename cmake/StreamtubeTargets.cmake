# One library a folder. Files named *.dev.cpp are device sources: compiled by nvcc in a CUDA build and the
# only ones that may include Kokkos.
add_library(streamtube_flags INTERFACE)
target_include_directories(streamtube_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(streamtube_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unknown-pragmas>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${STREAMTUBE_WARNINGS_AS_ERRORS}>>:-Werror>
  $<$<COMPILE_LANGUAGE:CUDA>:--extended-lambda --expt-relaxed-constexpr>)
if(STREAMTUBE_POISON_ARENA)
  target_compile_definitions(streamtube_flags INTERFACE STREAMTUBE_POISON_ARENA)
endif()
if(STREAMTUBE_SANITIZE)
  target_compile_options(streamtube_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer)
  target_link_options(streamtube_flags INTERFACE -fsanitize=address,undefined)
endif()

# Marks the *.dev.cpp files among SOURCES for the device compiler and the CPU baseline.
function(streamtube_mark_device_sources)
  foreach(source ${ARGN})
    if(source MATCHES "\\.dev\\.cpp$")
      if(STREAMTUBE_CUDA)
        set_source_files_properties(${source} PROPERTIES LANGUAGE CUDA)
        if(STREAMTUBE_CPU_BASELINE AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
          set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-Xcompiler=-march=${STREAMTUBE_CPU_BASELINE}")
        endif()
      elseif(STREAMTUBE_CPU_BASELINE AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-march=${STREAMTUBE_CPU_BASELINE}")
      endif()
    endif()
  endforeach()
endfunction()

# streamtube_add_library(NAME SOURCES a.cpp ... [DEPENDS public libraries] [PRIVATE libraries whose headers only .cpp files see])
function(streamtube_add_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  streamtube_mark_device_sources(${arg_SOURCES})
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    if(STREAMTUBE_JOIN_SOURCES)
      set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    endif()
    target_link_libraries(${name} PUBLIC streamtube_flags ${arg_DEPENDS} PRIVATE ${arg_PRIVATE})
  else()  # headers only
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE streamtube_flags ${arg_DEPENDS})
  endif()
  string(REPLACE "streamtube_" "streamtube::" alias ${name})
  add_library(${alias} ALIAS ${name})
endfunction()

function(streamtube_add_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  streamtube_mark_device_sources(${arg_SOURCES})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE streamtube_flags ${arg_DEPENDS})
endfunction()

# What nearly every source of a target begins with is read by the compiler once. Sources include what they use all the
# same: the preset `debug` compiles them without. Device sources have options of their own, which would not fit.
set(STREAMTUBE_COMMON_HEADERS ${PROJECT_SOURCE_DIR}/core/json.hpp <algorithm> <cmath> <filesystem> <fstream> <functional>
  <iostream> <map> <memory> <optional> <sstream> <string> <vector>)
function(streamtube_precompile name)  # <header>...
  get_target_property(sources ${name} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.dev\\.cpp$")
  set_source_files_properties(${sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

# Optimising takes most of a compiler's time and gives little to what reads options, prints reports or tests.
function(streamtube_compile_quickly name)
  target_compile_options(${name} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)
endfunction()
