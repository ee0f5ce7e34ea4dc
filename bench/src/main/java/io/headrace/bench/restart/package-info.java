/** How soon a server is back after it was killed. */
package io.headrace.bench.restart;
