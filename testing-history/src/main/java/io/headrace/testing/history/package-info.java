/**
 * Checks what clients of a log were told: {@link io.headrace.testing.history.History} notes sends,
 * reads, commits, transactions and crashes, and reports what contradicts the promise of a
 * partition's storage mode. For tests only; sees nothing of what it judges.
 */
@NullMarked
package io.headrace.testing.history;

import org.jspecify.annotations.NullMarked;
