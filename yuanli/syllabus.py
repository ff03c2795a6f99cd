"""The table of topics: every row of the study note, where its code lives, what checks it, what to try.

Ids are stable: tests, documents and `yuanli topics` use them.  A topic without code is planned.  Objects are
named by strings and imported when asked for, so that reading the table costs nothing.
"""

import difflib
import importlib
import operator
from dataclasses import dataclass
from typing import Any

from yuanli.errors import UnknownNameError


@dataclass(frozen=True)
class Topic:
    """One row of the syllabus.

    `lives` names objects, "module:object", the topic's own formula first; `oracle` says what their numbers
    are checked against and `tests` where, "file::function"; `differs` is where the study note and the
    literature part.
    """

    id: str
    zh: str
    en: str
    lives: tuple[str, ...] = ()
    oracle: str = ""
    tests: tuple[str, ...] = ()
    differs: str = ""

    @property
    def state(self) -> str:
        return "works" if self.lives else "planned"

    def objects(self) -> list[Any]:
        """What `lives` names, imported."""
        return [resolve(place) for place in self.lives]


def resolve(place: str) -> Any:
    """The object "module:name" stands for; a name may have dots."""
    module, _, name = place.partition(":")
    return operator.attrgetter(name)(importlib.import_module(module))


def find(id: str) -> Topic:
    """The topic called `id`; the error offers the topic an object of that name belongs to, or near ids."""
    topics = {topic.id: topic for topic in TOPICS}
    if id in topics:
        return topics[id]
    owners = [t.id for t in TOPICS if any(place.rpartition(":")[2] == id for place in t.lives)]
    near = (
        owners or difflib.get_close_matches(id.lower(), topics, n=3) or [t for t in topics if id and id in t]
    )
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UnknownNameError(f"no topic is called {id!r}; {hint}`yuanli topics` lists them all")


# fmt: off
TORCH = "torch, finite differences"
ZOO = ("tests/models/test_zoo.py::test_published_number_of_parameters",
       "tests/models/test_zoo_reference.py::test_outputs_equal_torchs",
       "tests/models/test_zoo_reference.py::test_gradients_equal_torchs")
OPERATIONS = ("tests/ops/test_ops.py::test_gradient", "tests/ops/test_ops.py::test_equals_torch")

TOPICS = (
    Topic("pipeline", "机器学习流程", "From data to a reusable model",
          lives=("yuanli.recipes:train", "yuanli.recipes:evaluate", "yuanli.recipes:predict",
                 "yuanli.recipes:compare", "yuanli.data:load", "yuanli.training:Run"),
          oracle="scikit-learn's scores, the same bits when resumed or repeated",
          tests=("tests/recipes/test_learning.py::test_linear_is_as_good_as_logistic_regression",
                 "tests/recipes/test_runs.py::test_pictures_are_predicted_as_their_pixels_are",
                 "tests/recipes/test_runs.py::test_two_fresh_processes_give_the_same_bits")),
    Topic("bases", "从图像块学习基", "Bases learned from image patches",
          lives=("yuanli.classical:PatchBases", "yuanli.classical.dictionary:k_means",
                 "yuanli.classical.dictionary:sparse_coding"),
          oracle="its formula patch by patch, scikit-learn's k-means and lasso",
          tests=("tests/classical/test_patch_bases.py::test_features_are_their_definition",
                 "tests/classical/test_patch_bases.py::test_k_means_is_as_good_as_scikit_learns",
                 "tests/classical/test_patch_bases.py::test_sparse_codes_equal_the_lasso",
                 "tests/classical/test_patch_bases.py::test_sparse_coding_finds_the_bases_that_made_the_data")),
    Topic("image", "计算机眼中的图像", "An image is an array",
          lives=("yuanli.data:Dataset", "yuanli.data.pictures:read_pictures"),
          oracle="pictures drawn pixel by pixel",
          tests=("tests/data/test_pictures.py::test_modes",
                 "tests/data/test_pictures.py::test_bad_pictures_are_named",
                 "tests/data/test_dataset.py::test_bad")),
    Topic("challenges", "图像分类的挑战", "What makes recognition hard",
          lives=("yuanli.inspection.stress:stress", "yuanli.inspection.stress:disturb",
                 "yuanli.inspection.evidence:occlusion_map", "yuanli.inspection.evidence:grad_cam",
                 "yuanli.recipes.look:inspect"),
          oracle="NumPy's quarter turns, closed forms, class activation maps",
          tests=("tests/inspection/test_stress.py::test_a_quarter_turn_is_a_quarter_turn",
                 "tests/inspection/test_stress.py::test_a_stress_test_counts_right_answers",
                 "tests/inspection/test_evidence.py::test_the_pixel_that_decides_is_found",
                 "tests/inspection/test_evidence.py::"
                 "test_grad_cam_after_a_global_mean_is_the_class_activation_map")),
    Topic("knn", "K 近邻", "K nearest neighbours",
          lives=("yuanli.classical:KNeighborsClassifier", "yuanli.classical:KNeighborsRegressor",
                 "yuanli.classical:NearestNeighbors", "yuanli.classical:choose_n_neighbors",
                 "yuanli.kernels.distances:nearest_numpy"),
          oracle="scikit-learn's neighbours, SciPy's distances, whole numbers",
          tests=("tests/classical/test_knn.py::test_neighbours_equal_scikit_learns",
                 "tests/classical/test_knn.py::test_predictions_equal_scikit_learns",
                 "tests/classical/test_knn.py::test_k_by_cross_validation_equals_a_grid_search",
                 "tests/kernels/test_distances.py::test_bytes_are_exact"),
          differs="The note puts the training cost at 0; true of brute force, while index structures "
                  "(KD-tree, ball tree) take time to build."),
    Topic("linear", "线性分类器", "Linear score function",
          lives=("yuanli.models:LinearClassifier", "yuanli.ops:linear", "yuanli.nn:Linear",
                 "yuanli.classical:LinearClassifier", "yuanli.classical:Perceptron"),
          oracle=TORCH,
          tests=(*OPERATIONS, "tests/models/test_small_models.py::test_linear_scores_are_linear",
                 "tests/classical/test_linear.py::test_softmax_by_batch_descent_is_logistic_regression",
                 "tests/classical/test_linear.py::test_the_perceptron_is_scikit_learns")),
    Topic("loss.mse", "均方误差", "Mean squared error",
          lives=("yuanli.ops:mse_loss", "yuanli.nn:MSELoss"),
          oracle=TORCH, tests=OPERATIONS),
    Topic("loss.mae", "平均绝对误差", "Mean absolute error",
          lives=("yuanli.ops:l1_loss", "yuanli.nn:L1Loss"),
          oracle=TORCH, tests=OPERATIONS,
          differs="The note leaves out the 1/n; a *mean* absolute error has it, as MSE and RMSE do."),
    Topic("loss.rmse", "均方根误差", "Root mean squared error",
          lives=("yuanli.ops:rmse_loss", "yuanli.nn:RMSELoss"),
          oracle="√ of torch's mse_loss, finite differences", tests=OPERATIONS,
          differs="The note calls it the Euclidean distance; RMSE = √MSE, the distance divided by √n."),
    Topic("loss.smooth_l1", "平滑 L1 损失", "Smooth L1",
          lives=("yuanli.ops:smooth_l1_loss", "yuanli.nn:SmoothL1Loss"),
          oracle=TORCH, tests=OPERATIONS),
    Topic("loss.huber", "Huber 损失", "Huber loss",
          lives=("yuanli.ops:huber_loss", "yuanli.nn:HuberLoss"),
          oracle=TORCH, tests=OPERATIONS),
    Topic("loss.kl", "KL 散度", "Kullback–Leibler divergence",
          lives=("yuanli.ops:kl_div", "yuanli.nn:KLDivLoss"),
          oracle=TORCH, tests=OPERATIONS),
    Topic("loss.ce", "交叉熵损失", "Cross-entropy",
          lives=("yuanli.ops:cross_entropy", "yuanli.ops:nll_loss", "yuanli.nn:CrossEntropyLoss"),
          oracle="torch, finite differences, ln K at the start",
          tests=(*OPERATIONS, "tests/models/test_small_models.py::test_losses_at_the_start",),
          differs="The note writes −Σ y log y, the entropy of the target; cross-entropy is −Σ y log ŷ."),
    Topic("loss.log", "对数损失", "Log loss",
          lives=("yuanli.ops:binary_cross_entropy_with_logits", "yuanli.ops:binary_cross_entropy",
                 "yuanli.nn:BCEWithLogitsLoss"),
          oracle=TORCH, tests=OPERATIONS),
    Topic("loss.hinge", "合页损失", "Hinge losses",
          lives=("yuanli.ops:multiclass_hinge_loss", "yuanli.ops:hinge_loss",
                 "yuanli.ops:multi_margin_loss"),
          oracle="torch, finite differences, K − 1 at the start",
          tests=(*OPERATIONS, "tests/models/test_small_models.py::test_losses_at_the_start",)),
    Topic("penalty", "正则化惩罚项", "Penalties: L1, L2, elastic net",
          lives=("yuanli.optim:ElasticNet", "yuanli.optim:L1", "yuanli.optim:L2",
                 "yuanli.optim.penalty:sparsity"),
          oracle="ridge and lasso in closed form, scikit-learn",
          tests=("tests/optim/test_penalty.py::test_l2_is_ridge_regression_with_a_free_intercept",
                 "tests/optim/test_penalty.py::test_l1_on_orthogonal_columns_is_a_soft_threshold",
                 "tests/optim/test_penalty.py::test_elastic_net_equals_scikit_learn"),
          differs="The note says that a larger penalty fits closer, up to over-fitting; a larger λ gives "
                  "a simpler model, and a smaller one over-fits. It takes the root of the sum of squares "
                  "for L2; the penalty is the sum itself. torch's weight_decay shrinks biases too; here "
                  "weights only, unless asked."),
    Topic("softmax", "Softmax 函数", "Softmax",
          lives=("yuanli.ops:softmax", "yuanli.ops:log_softmax", "yuanli.ops:logsumexp"),
          oracle=TORCH, tests=OPERATIONS,
          differs="The note opens with the sigmoid's formula; softmax(z)ᵢ = exp zᵢ / Σⱼ exp zⱼ, and the "
                  "sigmoid is its case of two classes."),
    Topic("sigmoid", "Sigmoid 函数", "Sigmoid",
          lives=("yuanli.ops:sigmoid",),
          oracle=TORCH, tests=OPERATIONS),
    Topic("entropy", "熵与编码长度", "Entropy and code length",
          lives=("yuanli.ops.information:entropy", "yuanli.ops.information:cross_entropy",
                 "yuanli.ops.information:kl_divergence", "yuanli.ops.information:code_lengths",
                 "yuanli.ops.information:HuffmanCode"),
          oracle="SciPy, dyadic sources, exhaustive search",
          tests=("tests/ops/test_information.py::test_equals_scipy",
                 "tests/ops/test_information.py::test_dyadic_sources_meet_their_entropy",
                 "tests/ops/test_information.py::test_no_code_is_shorter")),
    Topic("gd", "梯度下降", "Gradient descent",
          lives=("yuanli.optim:SGD", "yuanli.training:fit", "yuanli.optim:MaxSteps",
                 "yuanli.optim:SmallGradient", "yuanli.optim:Converged", "yuanli.optim:InverseTime"),
          oracle="torch step for step, least squares",
          tests=("tests/optim/test_optimizers.py::test_20_steps_equal_torch",
                 "tests/training/test_loop.py::test_batch_descent_ends_at_least_squares",
                 "tests/training/test_loop.py::test_stopping_rules_stop"),
          differs="The note says that smaller batches estimate the gradient more steadily; the estimate's "
                  "variance is σ²/b, so smaller batches are noisier."),
    Topic("backprop", "反向传播", "Backpropagation",
          lives=("yuanli.tensor:Tensor.backward", "yuanli.tensor:differentiable",
                 "yuanli.gradcheck:gradcheck", "yuanli.inspection.microscope:trace"),
          oracle="torch, finite differences, by hand",
          tests=("tests/ops/test_ops.py::test_gradient",
                 "tests/test_backward.py::test_a_longer_expression_equals_torch",
                 "tests/inspection/test_microscope.py::test_steps_of_a_hand_calculation")),
    Topic("mlp", "多层感知机", "Multilayer perceptron",
          lives=("yuanli.models:MLP",),
          oracle="its formula in NumPy, finite differences",
          tests=("tests/models/test_small_models.py::test_mlp_is_its_formula",
                 "tests/models/test_small_models.py::test_gradient_of_the_loss_along_a_random_direction",
                 "tests/recipes/test_learning.py::test_a_spiral_needs_a_hidden_layer"),
          differs="The note has a larger penalty fit closer; a larger λ smooths the boundary, and a wider "
                  "layer bends it."),
    Topic("activation", "激活函数", "Activation functions",
          lives=("yuanli.ops:relu", "yuanli.ops:tanh", "yuanli.ops:leaky_relu", "yuanli.ops:elu",
                 "yuanli.ops:gelu", "yuanli.ops:softplus", "yuanli.ops:silu", "yuanli.ops:sigmoid"),
          oracle=TORCH, tests=OPERATIONS,
          differs="The note says that sigmoid and ReLU slide from high to low and that ReLU is singular "
                  "at 0; both increase, and ReLU is continuous with no derivative at 0, where the "
                  "subgradient 0 is used."),
    Topic("preprocess", "数据预处理", "Preprocessing",
          lives=("yuanli.data.preprocess:Standardize", "yuanli.data.preprocess:Center",
                 "yuanli.data.preprocess:ScaleToUnit", "yuanli.data.preprocess:ScaleToSigned"),
          oracle="scikit-learn's scalers",
          tests=("tests/data/test_preprocess.py::test_scalers_equal_scikit_learns",
                 "tests/data/test_preprocess.py::test_only_the_training_rows_are_looked_at"),
          differs="The note calls division by the standard deviation regularisation and says it bounds "
                  "the data; it is standardisation and bounds nothing. Regularisation is the penalty."),
    Topic("init", "参数初始化", "Initialisation",
          lives=("yuanli.nn.init:kaiming_normal_", "yuanli.nn.init:kaiming_uniform_",
                 "yuanli.nn.init:xavier_normal_", "yuanli.nn.init:xavier_uniform_",
                 "yuanli.nn.init:orthogonal_", "yuanli.nn.init:normal_"),
          oracle="the moments the papers derive",
          tests=("tests/nn/test_init.py::test_moments", "tests/nn/test_init.py::test_orthogonal",
                 "tests/nn/test_init.py::test_he_keeps_the_mean_square_through_a_deep_relu_net")),
    Topic("dropout", "随机失活", "Dropout",
          lives=("yuanli.ops:dropout", "yuanli.nn:Dropout"),
          oracle="the binomial law, finite differences",
          tests=("tests/ops/test_ops.py::test_gradient", "tests/nn/test_layers.py::test_dropout")),
    Topic("batchnorm", "批归一化", "Batch normalisation",
          lives=("yuanli.ops:batch_norm", "yuanli.nn:BatchNorm2d", "yuanli.nn:BatchNorm1d"),
          oracle=TORCH,
          tests=(*OPERATIONS, "tests/ops/test_norm.py::test_running_statistics_equal_torchs",)),
    Topic("words.cbow", "词向量 CBOW", "Word vectors: CBOW",
          lives=("yuanli.words:Word2Vec", "yuanli.kernels.word_pairs:train_numpy",
                 "yuanli.words:KeyedVectors"),
          oracle="the engine's gradient, window by window; gensim",
          tests=("tests/kernels/test_word_pairs.py::test_a_step_is_the_gradient_of_the_textbook_loss",
                 "tests/words/test_word2vec.py::test_the_reported_loss_is_the_textbooks",
                 "tests/words/test_word2vec.py::test_every_mode_moves_both_tables_and_learns")),
    Topic("words.sg", "词向量 Skip-gram", "Word vectors: skip-gram",
          lives=("yuanli.words:Word2Vec", "yuanli.words:KeyedVectors.most_similar",
                 "yuanli.words:KeyedVectors.evaluate_word_analogies"),
          oracle="the engine's gradient, window by window; gensim",
          tests=("tests/kernels/test_word_pairs.py::test_a_step_is_the_gradient_of_the_textbook_loss",
                 "tests/words/test_word2vec.py::test_the_reported_loss_is_the_textbooks",
                 "tests/words/test_keyed_vectors.py::test_gensim_reads_ours_and_finds_the_same")),
    Topic("words.hs", "层次 Softmax", "Hierarchical softmax",
          lives=("yuanli.nn:HierarchicalSoftmax", "yuanli.ops.information:huffman_paths"),
          oracle="probabilities that add up to 1, the sigmoids along Huffman's way, finite differences",
          tests=("tests/nn/test_softmax_tree.py::test_probabilities_sum_to_1",
                 "tests/nn/test_softmax_tree.py::test_each_is_the_product_along_huffmans_way",
                 "tests/nn/test_softmax_tree.py::test_only_the_way_to_the_class_is_paid_for")),
    Topic("words.neg", "负采样", "Negative sampling",
          lives=("yuanli.words:Noise", "yuanli.words:Word2Vec"),
          oracle="its distribution exactly, the engine's gradient",
          tests=("tests/words/test_corpus.py::test_noise_follows_its_distribution",
                 "tests/words/test_word2vec.py::test_the_reported_loss_is_the_textbooks")),
    Topic("conv", "卷积", "Convolution",
          lives=("yuanli.ops:conv2d", "yuanli.ops:conv1d", "yuanli.ops:conv_transpose2d",
                 "yuanli.ops.windows:conv_output_size", "yuanli.kernels.convolution:conv2d_numpy",
                 "yuanli.nn:Conv2d"),
          oracle="torch, finite differences, nested loops",
          tests=(*OPERATIONS, "tests/kernels/test_convolution.py::test_convolution_is_its_definition",
                 "tests/kernels/test_convolution.py::test_the_textbook_example",
                 "tests/inspection/test_ledger.py::test_a_stack_of_3x3_sees_what_one_large_kernel_sees")),
    Topic("pool", "池化", "Pooling",
          lives=("yuanli.ops:max_pool2d", "yuanli.ops:avg_pool2d", "yuanli.ops:adaptive_avg_pool2d"),
          oracle="torch, finite differences, nested loops",
          tests=(*OPERATIONS, "tests/kernels/test_pooling.py::test_the_maximum_and_the_first_that_is_it",)),
    Topic("lenet", "LeNet-5 网络", "LeNet-5",
          lives=("yuanli.models:LeNet5", "yuanli.models:LeNet1998"),
          oracle="the papers' 61,706 and 60,000 parameters, finite differences",
          tests=("tests/models/test_small_models.py::test_lenet_has_the_published_parameters_layer_by_layer",
                 "tests/models/test_small_models.py::test_lenet_of_1998_has_the_papers_parameters",
                 "tests/models/test_small_models.py::test_gradient_of_the_loss_along_a_random_direction",
                 "tests/recipes/test_learning.py::test_lenet_reads_digits")),
    Topic("alexnet", "AlexNet 网络", "AlexNet",
          lives=("yuanli.models:AlexNet", "yuanli.ops:local_response_norm"),
          oracle="torchvision's with the same weights; the paper's rebuilt in torch",
          tests=(*ZOO, "tests/models/test_zoo.py::test_sizes_that_are_options"),
          differs="The note counts 13 layers; 8 have weights (5 convolutions, 3 fully connected), the "
                  "rest are pooling and normalisation."),
    Topic("vgg", "VGG 网络", "VGG",
          lives=("yuanli.models:VGG",),
          oracle="torchvision's with the same weights",
          tests=ZOO),
    Topic("receptive", "感受野与开销", "Receptive field and cost",
          lives=("yuanli.inspection.receptive_field:Span", "yuanli.inspection.ledger:ledger"),
          oracle="gradients that reach a pixel, published sizes and costs, torch's counter",
          tests=("tests/inspection/test_ledger.py::test_gradients_reach_exactly_the_field",
                 "tests/inspection/test_ledger.py::test_published_receptive_fields",
                 "tests/inspection/test_ledger.py::test_published_multiply_accumulates",
                 "tests/inspection/test_ledger.py::test_torch_counts_as_many"),
          differs="The note puts a 3×3 for a 5×5 and saves 25 − 9 parameters; it takes two, so 18 against "
                  "25 for each pair of channels, and three for a 7×7, 27 against 49."),
    Topic("inception", "Inception 网络", "Inception and GoogLeNet",
          lives=("yuanli.models:GoogLeNet", "yuanli.models.googlenet:Inception", "yuanli.models:InceptionV3",
                 "yuanli.models:InceptionV4", "yuanli.models:NiN"),
          oracle="torchvision's with the same weights; v4 and the paper's GoogLeNet rebuilt in torch",
          tests=(*ZOO, "tests/models/test_zoo.py::test_without_auxiliary_heads",
                 "tests/models/test_zoo.py::test_auxiliary_heads_answer_in_training_only")),
    Topic("resnet", "残差网络", "ResNet",
          lives=("yuanli.models:BasicBlock", "yuanli.models:Bottleneck", "yuanli.models:ResNet",
                 "yuanli.models:CifarResNet", "yuanli.models:PlainBlock"),
          oracle="torchvision's with the same weights; those for CIFAR rebuilt in torch",
          tests=(*ZOO, "tests/models/test_zoo.py::test_without_its_residual_a_block_is_its_input",
                 "tests/models/test_zoo.py::test_option_a_pads_channels_with_zeros",
                 "tests/recipes/test_convolutional.py::test_resnet_learns_as_in_its_paper")),
    Topic("densenet", "密集连接网络", "DenseNet",
          lives=("yuanli.models.densenet:DenseBlock", "yuanli.models:DenseNet",
                 "yuanli.models:CifarDenseNet"),
          oracle="torchvision's with the same weights; those for CIFAR rebuilt in torch",
          tests=(*ZOO, "tests/models/test_zoo.py::test_a_dense_layer_sees_all_before_it")),
    Topic("light", "轻量网络", "SqueezeNet, ShuffleNet, MobileNet",
          lives=("yuanli.models:SqueezeNet", "yuanli.models:ShuffleNetV1", "yuanli.models:ShuffleNetV2",
                 "yuanli.models:MobileNetV1", "yuanli.models:MobileNetV2", "yuanli.ops:channel_shuffle"),
          oracle="torchvision's with the same weights; both v1 rebuilt in torch",
          tests=(*ZOO, "tests/inspection/test_ledger.py::test_published_multiply_accumulates")),
    Topic("rnn", "循环神经网络", "Recurrent network",
          lives=("yuanli.nn:RNN", "yuanli.nn:RNNCell", "yuanli.ops:rnn", "yuanli.models:LanguageModel",
                 "yuanli.models.language_model:sample", "yuanli.data.streams:Streams"),
          oracle="torch, its cell step by step, finite differences, the entropy of a text from a known chain",
          tests=(*OPERATIONS, "tests/nn/test_recurrent.py::test_equals_torch",
                 "tests/nn/test_recurrent.py::test_a_layer_is_its_cell_step_by_step",
                 "tests/models/test_language_model.py::test_scores_and_gradients_equal_torch_s",
                 "tests/training/test_sequences.py::test_resumed_after_any_step_it_ends_with_the_same_bits",
                 "tests/recipes/test_language.py::test_the_loss_becomes_the_text_s_own_entropy")),
    Topic("lstm", "长短时记忆", "LSTM and GRU",
          lives=("yuanli.nn:LSTM", "yuanli.nn:LSTMCell", "yuanli.nn:GRU", "yuanli.nn:GRUCell",
                 "yuanli.ops:lstm", "yuanli.ops:gru", "yuanli.models:TextLSTM"),
          oracle="torch, also its packed sequences, their cells step by step, closed forms",
          tests=(*OPERATIONS, "tests/nn/test_recurrent.py::test_equals_torch",
                 "tests/nn/test_recurrent.py::test_a_mask_equals_torch_s_packed_sequences",
                 "tests/nn/test_recurrent.py::test_an_open_lstm_adds_up_its_input",
                 "tests/models/test_text_models.py::test_text_lstm_reads_both_ways")),
    Topic("textcnn", "文本卷积", "TextCNN",
          lives=("yuanli.models:TextCNN", "yuanli.models:BagOfWords", "yuanli.data.tokens:Tokens"),
          oracle="Kim's equations as loops, torch's layers, scikit-learn's counts and logistic regression",
          tests=("tests/models/test_text_models.py::test_text_cnn_is_kim_s_equations",
                 "tests/models/test_text_models.py::test_text_cnn_equals_torch_s_layers",
                 "tests/models/test_text_models.py"
                 "::test_a_bag_of_words_ends_where_scikit_learn_s_logistic_regression_does",
                 "tests/data/test_tokens.py::test_counts_equal_scikit_learn_s",
                 "tests/recipes/test_text.py::test_the_order_of_words_is_learned")),
    Topic("gan", "生成对抗网络", "GAN",
          lives=("yuanli.models.gan:GAN", "yuanli.models.gan:gan", "yuanli.models.gan:dcgan",
                 "yuanli.training.game:play", "yuanli.inspection.frechet:frechet_distance",
                 "yuanli.recipes.image_quality:quality"),
          oracle="torch step for step, the optimal discriminator, SciPy's matrix root",
          tests=("tests/training/test_game.py::test_a_round_equals_torchs",
                 "tests/training/test_game.py::"
                 "test_against_a_fixed_generator_the_discriminator_finds_its_optimum",
                 "tests/inspection/test_frechet.py::test_equals_the_formula_with_scipys_root")),
    Topic("svm", "支持向量机", "Support vector machine",
          lives=("yuanli.classical:SVC", "yuanli.classical:SVR", "yuanli.classical:LinearSVC",
                 "yuanli.kernels.smo:descend_numpy", "yuanli.kernels.dual_descent:sweep_numpy"),
          oracle="LIBSVM, liblinear, a general minimiser",
          tests=("tests/classical/test_svm.py::test_equals_libsvm",
                 "tests/classical/test_svm.py::test_the_same_objective_and_support_vectors",
                 "tests/classical/test_svm.py::test_regression_equals_libsvm",
                 "tests/classical/test_linear.py::test_linear_svc_is_liblinears",
                 "tests/kernels/test_smo.py::test_the_minimum_is_a_general_solvers")),
    Topic("logistic", "逻辑回归", "Logistic regression",
          lives=("yuanli.classical:LogisticRegression", "yuanli.classical.minimise:newton",
                 "yuanli.classical.minimise:lbfgs", "yuanli.classical.minimise:proximal",
                 "yuanli.kernels.logistic:logistic_numpy"),
          oracle="scikit-learn's solvers, SciPy",
          tests=("tests/classical/test_linear.py::test_two_classes_equal_scikit_learns",
                 "tests/classical/test_linear.py::test_more_classes_equal_scikit_learns",
                 "tests/classical/test_linear.py::test_elastic_net_equals_saga",
                 "tests/kernels/test_linear_kernels.py::test_the_logistic_loss_and_its_gradient"),
          differs="The note gives it the squared loss; it minimises the log loss (cross-entropy). The "
                  "note says that scaling does not affect it; true of the unpenalised optimum, untrue "
                  "with a penalty or under gradient descent."),
    Topic("gbdt", "梯度提升树", "Gradient-boosted trees",
          lives=("yuanli.classical:GradientBoostingRegressor", "yuanli.classical:GradientBoostingClassifier",
                 "yuanli.classical:DecisionTreeRegressor", "yuanli.classical:DecisionTreeClassifier",
                 "yuanli.classical:HistGradientBoostingRegressor",
                 "yuanli.classical:HistGradientBoostingClassifier", "yuanli.inspection.trees:tree_picture"),
          oracle="scikit-learn's classes grow the same trees; sums of gradients in plain NumPy",
          tests=("tests/classical/test_trees.py::test_trees_are_scikit_learns",
                 "tests/classical/test_trees.py::test_boosted_trees_are_scikit_learns",
                 "tests/classical/test_gbdt.py::test_regression_is_scikit_learns",
                 "tests/classical/test_gbdt.py::test_categories_are_scikit_learns",
                 "tests/kernels/test_histograms.py::test_children_are_known_by_their_rows"),
          differs="The note fits each tree to the residuals; trees fit the negative gradient of the loss, "
                  "which is the residual for the squared loss alone."),
    Topic("zoo.paddle", "与飞桨互换权重", "Weights to and from Paddle",
          lives=("yuanli.interchange:load_weights", "yuanli.interchange:save_weights",
                 "yuanli.interchange:read_weights", "yuanli.interchange.paddle_files:from_paddle"),
          oracle="Paddle's and torch's own networks",
          tests=("tests/interchange/test_paddle.py::test_a_network_of_paddles_zoo_gives_its_answers_here",
                 "tests/interchange/test_paddle.py::test_paddle_loads_what_is_written",
                 "tests/interchange/test_weights.py::test_torch_loads_what_is_written",
                 "tests/interchange/test_weights.py::test_what_torch_and_paddle_wrote_is_read")),
)
