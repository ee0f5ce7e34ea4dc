/** What the tests of every module share. */
package io.headrace.engine.testing;
