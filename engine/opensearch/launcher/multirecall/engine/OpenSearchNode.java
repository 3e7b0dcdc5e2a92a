package multirecall.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.codelibs.opensearch.runner.node.OpenSearchRunnerNode;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;

/**
 * Runs one OpenSearch node with the k-NN plugin on the class path until it is told to end (SIGTERM).
 *
 * <p>Arguments: the configuration folder, then node settings as {@code key=value}. Everything that differs between a
 * single node, a test instance and a member of a cluster is such a setting, so this class never needs to change.
 */
public final class OpenSearchNode {

    // What the official image loads and our requests may touch; each is a class on the class path, not a plugin folder.
    private static final List<String> PLUGINS = List.of(
        "org.opensearch.transport.Netty4ModulePlugin",
        "org.opensearch.analysis.common.CommonAnalysisModulePlugin",
        "org.opensearch.index.mapper.MapperExtrasModulePlugin",
        "org.opensearch.index.reindex.ReindexModulePlugin",
        "org.opensearch.painless.PainlessModulePlugin",
        "org.opensearch.knn.plugin.KNNPlugin");

    private OpenSearchNode() {}

    public static void main(String[] arguments) throws Exception {
        Settings settings = settingsFrom(arguments);
        String nodeName = settings.get("node.name");
        Path configuration = Path.of(arguments[0]);
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), configuration, () -> nodeName);
        Node node = new OpenSearchRunnerNode(environment, plugins());
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

    private static Collection<Class<? extends Plugin>> plugins() throws ClassNotFoundException {
        Collection<Class<? extends Plugin>> plugins = new ArrayList<>();
        for (String name : PLUGINS) {
            plugins.add(Class.forName(name).asSubclass(Plugin.class));
        }
        return plugins;
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
