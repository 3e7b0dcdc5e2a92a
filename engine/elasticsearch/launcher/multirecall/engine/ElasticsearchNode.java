package multirecall.engine;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node on the class path until it is told to end (SIGTERM).
 *
 * <p>Arguments: the configuration folder, then node settings as {@code key=value}. Everything that differs between a
 * single node, a test instance and a member of a cluster is such a setting, so this class never needs to change.
 */
public final class ElasticsearchNode {

    private ElasticsearchNode() {}

    public static void main(String[] arguments) throws Exception {
        LogConfigurator.configureESLogging();
        Settings settings = settingsFrom(arguments);
        String nodeName = settings.get("node.name");
        Path configuration = Path.of(arguments[0]);
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), configuration, () -> nodeName);
        // "false": no module layers, because the node itself is on the class path and not on the module path.
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir(), true), Set.of(), Map.of(), false);
        Node node = new Node(environment, plugins);
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception failure) {
                failure.printStackTrace();
            } finally {
                ended.countDown();
            }
        }, "close-node"));
        node.start();
        ended.await();
    }

    private static Settings settingsFrom(String[] arguments) {
        Settings.Builder settings = Settings.builder();
        for (int i = 1; i < arguments.length; i++) {
            int equals = arguments[i].indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("not a key=value setting: " + arguments[i]);
            }
            settings.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
        }
        return settings.build();
    }
}
