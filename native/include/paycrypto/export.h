#pragma once

// Marks what libpaycrypto exports; all else is hidden.
#define PAYCRYPTO_API __attribute__((visibility("default")))
