package io.headrace.engine;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A public type that is meant for others, with the types nested in it, whose shape is still being
 * learned: it may change or go with any minor release, and the CHANGELOG says so. What it does is
 * tested like everything else.
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
@Stable
public @interface Experimental {}
