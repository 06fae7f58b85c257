"""From kernels to native code: the emitter, the C header and the sources of the extension."""
