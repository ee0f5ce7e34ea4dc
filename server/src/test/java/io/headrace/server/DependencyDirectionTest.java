package io.headrace.server;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * The direction of dependencies: shells see the engine's public packages, storage modules its SPI,
 * the engine none of them; only the server sees all.
 */
@AnalyzeClasses(
        packages = "io.headrace",
        importOptions = {DoNotIncludeTests.class, DependencyDirectionTest.NoTestJars.class})
class DependencyDirectionTest {
    /** Tests of other modules come as jars where Maven packages, as folders where it only tests. */
    static final class NoTestJars implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    private static final String[] SEAM = {"io.headrace.engine", "io.headrace.engine.batch"};
    private static final String SPI = "io.headrace.engine.spi";

    @ArchTest static final ArchRule KAFKA_SHELL = seesOfOurs("io.headrace.kafka..", SEAM);

    @ArchTest static final ArchRule AERON_SHELL = seesOfOurs("io.headrace.aeron..", SEAM);

    @ArchTest
    static final ArchRule OFFHEAP = seesOfOurs("io.headrace.offheap..", SEAM[0], SEAM[1], SPI);

    @ArchTest
    static final ArchRule ROCKS = seesOfOurs("io.headrace.rocks..", SEAM[0], SEAM[1], SPI);

    @ArchTest
    static final ArchRule OBJECTS = seesOfOurs("io.headrace.objects..", SEAM[0], SEAM[1], SPI);

    @ArchTest static final ArchRule HISTORY_CHECKER = seesOfOurs("io.headrace.testing.history..");

    @ArchTest static final ArchRule ENGINE = seesOfOurs("io.headrace.engine..");

    @ArchTest
    static final ArchRule KAFKA_LIBRARY_STAYS_OUTSIDE_OF_THE_ENGINE =
            classes()
                    .that()
                    .resideInAnyPackage(
                            "io.headrace.engine..",
                            "io.headrace.offheap..",
                            "io.headrace.rocks..",
                            "io.headrace.objects..")
                    .should()
                    .onlyDependOnClassesThat(
                            DescribedPredicate.not(
                                    resideInAnyPackage("org.apache.kafka..", "io.netty..")));

    /** A package and those below it may use themselves and, of ours, nothing but these packages. */
    private static ArchRule seesOfOurs(String self, String... others) {
        DescribedPredicate<JavaClass> notOurs =
                DescribedPredicate.not(resideInAPackage("io.headrace.."));
        return classes()
                .that()
                .resideInAPackage(self)
                .should()
                .onlyDependOnClassesThat(
                        notOurs.or(resideInAPackage(self)).or(resideInAnyPackage(others)));
    }
}
