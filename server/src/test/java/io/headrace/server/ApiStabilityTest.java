package io.headrace.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import io.headrace.engine.Experimental;
import io.headrace.engine.Stable;
import io.headrace.kafka.KafkaShell;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.Listener;
import io.headrace.kafka.group.GroupContext;
import io.headrace.server.config.ServerConfig;

/** Every public type that is meant for others says what it promises. */
@AnalyzeClasses(
        packages = "io.headrace",
        importOptions = {DoNotIncludeTests.class, ApiStabilityTest.DoNotIncludeTestJars.class})
class ApiStabilityTest {
    /** Contract suites are handed from module to module in jars. */
    static final class DoNotIncludeTestJars implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    /** In these packages whatever is public is meant for others. */
    private static final String[] PUBLIC_PACKAGES = {
        "io.headrace.engine",
        "io.headrace.engine.batch",
        "io.headrace.engine.spi",
        "io.headrace.offheap",
        "io.headrace.rocks",
        "io.headrace.objects",
        "io.headrace.objects.format",
        "io.headrace.aeron",
    };

    @ArchTest
    static final ArchRule PUBLIC_TYPES_ARE_MARKED =
            classes()
                    .that()
                    .resideInAnyPackage(PUBLIC_PACKAGES)
                    .and()
                    .arePublic()
                    .and(areOutermost())
                    .should(beStableOrExperimental());

    /** Elsewhere types are public for other packages of the module, but for these. */
    @ArchTest
    static final ArchRule ENTRY_POINTS_ARE_MARKED =
            classes()
                    .that()
                    .belongToAnyOf(
                            KafkaShell.class,
                            KafkaShellContext.class,
                            Listener.class,
                            GroupContext.class,
                            HeadraceServer.class,
                            ServerConfig.class)
                    .and(areOutermost())
                    .should(beStableOrExperimental());

    private static DescribedPredicate<JavaClass> areOutermost() {
        return DescribedPredicate.describe(
                "are not nested in another", type -> !type.getName().contains("$"));
    }

    private static ArchCondition<JavaClass> beStableOrExperimental() {
        return new ArchCondition<>("be marked @Stable or @Experimental, one of them") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                boolean stable = type.isAnnotatedWith(Stable.class);
                boolean experimental = type.isAnnotatedWith(Experimental.class);
                if (stable == experimental) {
                    events.add(
                            SimpleConditionEvent.violated(
                                    type,
                                    type.getName()
                                            + (stable
                                                    ? " is marked both"
                                                    : " is public and not marked")));
                }
            }
        };
    }
}
