package multirecall.engine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node on the class path.
 *
 * <p>The property {@code multirecall.config} names the configuration folder. Everything that differs between a single
 * node, a test instance and a member of a cluster is a node setting, so this class never needs to change.
 */
public final class ElasticsearchNode {

    private ElasticsearchNode() {}

    public static void main(String[] arguments) {
        NodeProcess.run(arguments, ElasticsearchNode::make);
    }

    private static NodeProcess.StartedNode make(Map<String, String> given) {
        LogConfigurator.configureESLogging();
        Settings.Builder settings = Settings.builder();
        given.forEach(settings::put);
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            settings.build(), Map.of(), Path.of(System.getProperty("multirecall.config")), () -> given.get("node.name"));
        // "false": no module layers, because the node itself is on the class path and not on the module path.
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir(), true), Set.of(), Map.of(), false);
        Node node = new Node(environment, plugins);
        return new NodeProcess.StartedNode() {
            @Override
            public void start() throws Exception {
                node.start();
            }

            @Override
            public void close() throws IOException {
                node.close();
            }
        };
    }
}
