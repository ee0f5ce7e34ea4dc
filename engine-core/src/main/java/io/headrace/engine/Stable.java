package io.headrace.engine;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A public type that others may build on, with the types nested in it. Code that compiles against
 * it goes on compiling and running with every later release of the same major version; before 1.0,
 * of the same minor version. What leaves is deprecated for one minor release first.
 *
 * <p>Methods may be added to interfaces that only the engine implements. A public type with neither
 * this nor {@link Experimental} is internal, and may change with any commit.
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
@Stable
public @interface Stable {}
